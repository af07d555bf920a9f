"""Exports of the audit log: their forms, how they are written, as jobs and on a schedule."""
