"""Names at a destination that readers and pushers share, whatever holds it; the record's docstring says what is in them."""

RECORD_FILE = "production.json"
KEPT_RECORD_FILE = "record.json"
CLAIM_FILE = "claim.json"
EVIDENCE_FOLDER = ".weighbridge"
