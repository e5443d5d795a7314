"""Takes the reasons out of repositories' answers before anything of them is stored or published."""

from collections.abc import Callable
from dataclasses import replace

from processors.outcome import StorageError
from schemas.codec import TooLarge, Undecodable, decode, encode
from schemas.ids import undecodable_id
from schemas.models import PackageReceived
from streams.kafka.messages import Incoming
from streams.settings import NotUp
from streams.text_references import FIXED, is_reference


class AnswerTexts:
    """Puts the reason of an answer into the table of texts, and its reference into the answer."""

    def __init__(self, dsn: Callable[[], str]) -> None:
        """The connection string is asked for when an answer has a reason."""
        self._dsn = dsn

    def __call__(self, message: Incoming) -> Incoming:
        """The message, with a reference in the place of its reason if it is an answer with one.

        Raises StorageError while the table cannot be reached."""
        try:
            fact = decode(message.value)
        except Undecodable:
            return message
        if not isinstance(fact, PackageReceived) or not fact.reason:
            return message
        position = (message.topic, message.partition, message.offset)
        # A second delivery gives the same reference, and with it the same receipt.
        source = undecodable_id(*position, message.value)
        reason = self._reference(fact, source)
        try:
            return replace(message, value=encode(fact.model_copy(update={"reason": reason})))
        except TooLarge:
            return message

    def _reference(self, fact: PackageReceived, source: str) -> str:
        text = fact.reason or ""
        if text in FIXED or is_reference(text):
            return text
        # Imported here: most routers never need the table.
        import psycopg

        from streams import free_texts

        try:
            with psycopg.connect(
                self._dsn(), connect_timeout=free_texts.CONNECT_SECONDS
            ) as connection:
                return free_texts.put(connection, text, fact.repository, source)
        except (NotUp, psycopg.OperationalError) as down:
            raise StorageError(f"the table of texts cannot be reached: {down}") from None
