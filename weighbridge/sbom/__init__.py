"""The bill of materials of an environment, its image and a model, as CycloneDX 1.6 documents.

`environment_bom()` lists what the running Python has installed, and the Debian packages below it in an image.
`bom_of(provenance, verdict)` adds the model with its data, metrics and training, as an attestation carries it.
"""

from weighbridge.sbom.document import bom_of, environment_bom

__all__ = ["bom_of", "environment_bom"]
