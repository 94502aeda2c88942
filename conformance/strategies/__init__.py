"""Requests that no schema can make: conversations that hang together, and what breaks them in one place.

Hypothesis is used as a generator alone: nothing is sent, nothing is stored, and the same seed gives the same
values in every process (:mod:`.draws`). What comes out is plain data that :mod:`conformance.owncases` keeps.

================  ========================================================================
module            what it makes
================  ========================================================================
:mod:`.texts`     text of every script and plane, words, identifiers
:mod:`.schemas`   JSON Schemas for the arguments of tools, wide and deep
:mod:`.talks`     valid bodies: plain talks, parts and names, tool rounds, mixes of members
:mod:`.mutants`   valid bodies with exactly one defect, whose cause is known
:mod:`.spoilt`    what a mutant is
================  ========================================================================
"""
