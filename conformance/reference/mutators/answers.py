"""The mutation of what the model is said to have said. It strikes streamed and complete answers alike."""

from __future__ import annotations

from msgspec.structs import replace

from conformance.reference import tokens
from conformance.reference.record import Record
from conformance.reference.scene import Scene
from conformance.reference.voice import Answer, Choice


class AnswerMutator(Record, frozen=True, kw_only=True):
    """Change the plan of an answer; what is None stays.

    ``choices`` and ``calls`` are how many of them are kept. ``finish`` is each choice's finish reason.
    ``text`` (with the slots of a scene; ``{old}`` is the text so far) replaces the content, ``reasoning``
    the reasoning, and ``arguments`` the arguments of each call. ``calls_as_text`` says the calls in the
    content instead of making them. ``model`` is the model that the answer names; the four counts are those
    of usage.
    """

    choices: int | None = None
    finish: str | None = None
    text: str | None = None
    reasoning: str | None = None
    calls: int | None = None
    calls_as_text: bool = False
    arguments: str | None = None
    model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None

    def on_answer(self, answer: Answer, scene: Scene) -> Answer:
        """Return the answer as the faulty gateway gives it."""
        kept = answer.choices if self.choices is None else answer.choices[: self.choices]
        usage = answer.usage
        counts = replace(
            usage,
            prompt=_or(self.prompt_tokens, usage.prompt),
            completion=_or(self.completion_tokens, usage.completion),
            reasoning=_or(self.reasoning_tokens, usage.reasoning),
            cached=_or(self.cached_tokens, usage.cached),
        )
        model = answer.model if self.model is None else scene.fill(self.model, old=answer.model)
        return replace(
            answer, model=model, choices=tuple(self._choice(one, scene) for one in kept), usage=counts
        )

    def _choice(self, choice: Choice, scene: Scene) -> Choice:
        if self.calls_as_text and choice.calls:
            said = "".join(
                f"<tool_call>{call.name}({''.join(call.arguments)})</tool_call>" for call in choice.calls
            )
            choice = replace(choice, calls=(), content=tokens.split(said))
        if self.calls is not None:
            choice = replace(choice, calls=choice.calls[: self.calls])
        if self.arguments is not None:
            made = [
                replace(call, arguments=tokens.split(scene.fill(self.arguments, old="".join(call.arguments))))
                for call in choice.calls
            ]
            choice = replace(choice, calls=tuple(made))
        if self.text is not None:
            text = scene.fill(self.text, old="".join(choice.content or ()))
            choice = replace(choice, content=tokens.split(text))
        if self.reasoning is not None:
            choice = replace(choice, reasoning=tokens.split(scene.fill(self.reasoning)))
        return choice if self.finish is None else replace(choice, finish=self.finish)


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value
