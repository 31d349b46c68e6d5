"""The contract of ``MetadataStore``. A subclass gives a fixture ``store``: a new, empty one for each test."""

from __future__ import annotations

from tests.contracts.metadata_attempts import ReservationContract, StepAttemptContract
from tests.contracts.metadata_blobs import BlobBatchContract, BlobContract, UploadContract
from tests.contracts.metadata_cache import CacheContract
from tests.contracts.metadata_damaged_blobs import DamagedBlobContract
from tests.contracts.metadata_events import EventContract
from tests.contracts.metadata_filters import FilterContract
from tests.contracts.metadata_finding import FindingContract, ListContract
from tests.contracts.metadata_lineage import LineageContract
from tests.contracts.metadata_logs import LogContract
from tests.contracts.metadata_pruning import PruneContract
from tests.contracts.metadata_runs import RunContract
from tests.contracts.metadata_steps import StepContract
from tests.contracts.metadata_survey import GraceContract, SurveyContract
from tests.contracts.metadata_transactions import AttemptContract, ReplyContract, TransactionContract
from tests.contracts.metadata_versions import VersionContract


class MetadataContract(
    VersionContract,
    FindingContract,
    FilterContract,
    PruneContract,
    ListContract,
    BlobContract,
    BlobBatchContract,
    DamagedBlobContract,
    UploadContract,
    SurveyContract,
    GraceContract,
    RunContract,
    StepContract,
    StepAttemptContract,
    ReservationContract,
    CacheContract,
    LineageContract,
    LogContract,
    TransactionContract,
    AttemptContract,
    ReplyContract,
    EventContract,
):
    """Everything the ports promise."""
