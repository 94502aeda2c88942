"""The forms in which runtimes word a program's own mistake, and in which one answer is put into the text of another.

They are looked for in what an error says to its reader alone, not in members that hand on an upstream's words as
such. Each form is a runtime's own: a parser's complaint of the JSON that was sent, a list of the members that are
wrong, or a value that the request itself holds is none of them.
"""

from __future__ import annotations

import re
from typing import Final

RUNTIME_WORDS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"\bGo struct field [\w.]{1,100} of type [\w.\[\]*{}]{1,100}",
        r"\binterface conversion: interface \{[^}\n]{0,40}\} is ",
        r"\binvalid memory address or nil pointer dereference",
        r"\bindex out of range \[-?\d+\](?: with length \d+)?",
        r"%![a-zA-Z]\([^)\n]{0,100}\)",
        r"%!\((?:EXTRA|NOVERB|BADINDEX|BADWIDTH|BADPREC)\b",
        r"\[type=\w{1,60}, input_value=.{0,300}?, input_type=\w{1,60}\]",
        r"'\w{1,60}' object (?:is not (?:subscriptable|iterable|callable|an iterator)|has no attribute '\w{1,80}')",
        r"\bnot supported between instances of '\w{1,60}' and '\w{1,60}'",
        r"\bunsupported operand type\(s\) for ",
        r"\b\w{1,60}\(\) (?:missing \d+ required (?:positional|keyword-only)|got an unexpected keyword) argument",
        r"\bCannot (?:read|set) propert(?:y|ies) (?:'[^'\n]{1,80}' )?of (?:undefined|null)\b",
        r"\bCannot destructure property '[^'\n]{1,80}' of ",
        r"\bundefined is not (?:an object|a function|iterable)\b",
        r"(?<![\w.$])[A-Za-z_$][\w$]{0,40}\.[\w.$]{1,100} is not a function\b",
        r'\bCannot invoke "[^"\n]{1,200}" because ',
        r"\b(?:java|javax|kotlin)\.[a-z][\w.]{1,100}(?:Exception|Error)\b",
        r"\bObject reference not set to an instance of an object",
        r"\bcalled `(?:Option|Result)::\w{1,40}\(\)` on ",
        r"\bCall to a member function \w{1,80}\(\) on ",
        r"\{%-?\s*(?:if|elif|else|endif|for|endfor|set|macro|endmacro|block|raw|call)\b.{0,200}?%\}",
    )
)
"""Go and its formats, pydantic, Python, JavaScript, Java, .NET, Rust, PHP; the source of a template."""

WHOLE_ANSWERS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r'\{\s*\\*"error\\*"\s*:\s*(?:\\*"|\{)[^}]{0,60}',
        r'\{\s*\\*"detail\\*"\s*:\s*(?:\[\s*\{|\\*"[^"]{0,300}"\s*\})',
        r'\{\s*\\*"message\\*"\s*:\s*\\*"[^"]{0,300}"\s*,\s*\\*"(?:type|code|param|status|error)\\*"\s*:',
        r'\{\s*\\*"(?:type|object)\\*"\s*:\s*\\*"error\\*"',
        r"<!doctype\s+html\b[^>]{0,100}>",
        r"<html\b[^>]{0,100}>",
        r"</(?:html|body|head|title)>",
    )
)
"""An error object as JSON, and a page for people."""
