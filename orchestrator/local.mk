## orchestrator
