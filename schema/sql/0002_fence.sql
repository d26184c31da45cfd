-- Who has given his word that a quarantined machine is off, when its BMC could not; NULL: nobody had to.
ALTER TABLE quarantine ADD COLUMN confirmed TEXT;
