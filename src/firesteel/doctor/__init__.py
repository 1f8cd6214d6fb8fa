"""Silent bugs in anyone's training script: found while it runs, with line, evidence and fix. Knows no other room."""

from __future__ import annotations

from firesteel.doctor.examining import Examination, examine
from firesteel.doctor.findings import Diagnosis, Finding, Outcome

__all__ = ["Diagnosis", "Examination", "Finding", "Outcome", "examine"]
