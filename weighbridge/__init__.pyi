from .definition import Context as Context
from .definition import Definition as Definition
from .definition import Parameters as Parameters
from .local.api import run as run
from .runs.outcome import RunOutcome as RunOutcome
from .standard import StandardParameters as StandardParameters
from .standard import standard_pipeline as standard_pipeline
from .thresholds import Gates as Gates
from .thresholds import load_gates as load_gates
from .verdict import Bounds as Bounds
from .verdict import Estimate as Estimate
from .verdict import Gate as Gate
from .verdict import Section as Section
from .verdict import Verdict as Verdict
from .verdict import read_gates as read_gates
from .verdict import write_gates as write_gates

__version__: str
