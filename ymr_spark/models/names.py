"""The models by their names, for what must know them without loading any."""

DEEP_MODELS = ("two_tower_dot", "two_tower_mlp", "deep_cross")
# Those whose score is that of models.factors: only they can rank all songs.
FACTOR_MODELS = (
    *("constant", "user_lean", "bias", "als", "latent_factor"),
    *("two_tower_dot", "deep_cross"),
)
