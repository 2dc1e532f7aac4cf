"""Conditions (``when``) in the Common Expression Language: check them, compile them, evaluate them to a boolean.

The rest of Squid Mesh sees the names below and never the library, which is imported when the first expression
is compiled, and only by ``engine.py``.
"""

from __future__ import annotations

from squidmesh.expressions.checking import check_expression
from squidmesh.expressions.evaluation import EvaluationFailed, Expression, compile_expression
from squidmesh.expressions.problem import Problem, ProblemKind
from squidmesh.expressions.tokens import References, guarded_keys, references
from squidmesh.expressions.variables import FAILURE_VARIABLES, RUN_VARIABLES, Variables, VariableType

__all__ = [
    "FAILURE_VARIABLES",
    "RUN_VARIABLES",
    "EvaluationFailed",
    "Expression",
    "Problem",
    "ProblemKind",
    "References",
    "VariableType",
    "Variables",
    "check_expression",
    "compile_expression",
    "guarded_keys",
    "references",
]
