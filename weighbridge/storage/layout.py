"""Names at a destination that readers and pushers share; `components/production_model/record.py` explains them."""

RECORD_FILE = "production.json"
KEPT_RECORD_FILE = "record.json"
CLAIM_FILE = "claim.json"
EVIDENCE_FOLDER = ".weighbridge"
CANARY_FILE = "canary.json"  # there as long as a canary is on its way
