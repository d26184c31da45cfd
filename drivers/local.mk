## drivers
