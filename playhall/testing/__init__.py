"""For tests: private servers, proofs of migrations that plugins share with us, and events and jobs at one's own pace."""

from app.core.db import transaction
from app.core.outbox import deliver
from app.core.queue.drain import drain

__all__ = ["deliver", "drain", "transaction"]
