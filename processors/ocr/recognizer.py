"""The engine and models of a page: those that were frozen when its batch was accepted."""

from dataclasses import dataclass

from processors.ocr import installation
from processors.ocr.engine import Engine, engine_named
from processors.profile import Profile
from processors.profile_ocr import Recognition


@dataclass(frozen=True)
class Recognizer:
    """The engine that the profile of a page names."""

    engine: Engine
    frozen: Recognition
    """Without software and models if the batch was accepted before they were frozen."""

    @classmethod
    def of(cls, profile: Profile) -> "Recognizer":
        """The recogniser for the pages of a batch. Raises ToolMissing."""
        return cls(engine_named(profile.recognition.engine), profile.recognition)

    @property
    def models(self) -> frozenset[str]:
        """The models that may be used. Raises ToolMissing."""
        models = self.frozen.models
        return installation.installed_models() if models is None else frozenset(models)

    def difference(self, models: tuple[str, ...]) -> str | None:
        """How engine or models differ from those that were frozen; None if they do not."""
        if self.frozen.software is None:
            return None
        software = dict(self.engine.software())
        if software != self.frozen.software:
            wanted, found = (_named(each) for each in (self.frozen.software, software))
            return f"the batch was accepted with {wanted}, this worker has {found}"
        for model in models:
            accepted, own = self.model_version(model), installation.model_digest(model)
            if accepted != own:
                had = f"the batch was accepted with model {model} {accepted}"
                return f"{had}, this worker has {own or 'none'}"
        return None

    def model_version(self, model: str) -> str | None:
        """The digest of a model, if it was frozen."""
        return (self.frozen.models or {}).get(model)


def _named(software: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in software.items())
