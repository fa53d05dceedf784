"""SQL as SQLite is to read it: what SQLAlchemy writes otherwise makes it plan a statement anew at every run.

SQLite looks at the value of a parameter that may change its plan, and forgets the plan when another value is bound.
For the claim of due payments, planning takes eighty times as long as the claim.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.sql.selectable import GenerativeSelect


class SteadyCompiler(SQLiteCompiler):
    """Writes LIMIT and OFFSET as sums, whose values SQLite does not look at."""

    def limit_clause(self, select: GenerativeSelect, **kw: Any) -> str:
        """Return the end of a query that is limited."""
        most, skipped = select._limit_clause, select._offset_clause
        text = f"\n LIMIT ({self.process(most, **kw)} + 0)" if most is not None else "\n LIMIT -1"
        return text if skipped is None else f"{text} OFFSET ({self.process(skipped, **kw)} + 0)"


def steady(engine: Engine) -> Engine:
    """Let an engine write statements whose plan SQLite can keep, and return it."""
    engine.dialect.statement_compiler = SteadyCompiler
    return engine
