"""From what is known at take-off to what a model learns from."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from flights import CATEGORIES, CLEAN, INPUTS, LABEL, NUMBERS

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.compose import ColumnTransformer


def read(key: str = CLEAN) -> pd.DataFrame:
    """What Spark wrote there."""
    import pandas as pd
    import plinth

    files = plinth.storage()
    listed = files.client.list_objects_v2(Bucket=files.bucket, Prefix=f"{key}/")["Contents"]
    parts = [each["Key"] for each in listed if each["Key"].endswith(".parquet")]
    bodies = [files.client.get_object(Bucket=files.bucket, Key=each)["Body"].read() for each in parts]
    return pd.concat([pd.read_parquet(io.BytesIO(each)) for each in bodies], ignore_index=True)


def inputs_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Text and floating-point numbers only: whole numbers have no way to be missing."""
    inputs = rows[INPUTS].copy()
    inputs[CATEGORIES] = inputs[CATEGORIES].astype(object)
    inputs[NUMBERS] = inputs[NUMBERS].astype("float64")
    return inputs


def encoder() -> ColumnTransformer:
    """Categories to flags; numbers as they are, the missing ones filled in and marked."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import OneHotEncoder

    return ColumnTransformer(
        [
            # A category that training never saw is none of the known ones, and no error.
            ("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), CATEGORIES),
            ("numbers", SimpleImputer(strategy="median", add_indicator=True), NUMBERS),
        ]
    )


def split(rows: pd.DataFrame) -> dict[str, tuple[pd.DataFrame, Any]]:
    """Inputs and labels to learn from, to choose by, and to test what was chosen: 60, 20 and 20 percent."""
    from sklearn.model_selection import train_test_split

    inputs, labels = inputs_of(rows), rows[LABEL].to_numpy()
    x_rest, x_test, y_rest, y_test = train_test_split(inputs, labels, test_size=0.2, random_state=1, stratify=labels)
    x_train, x_choose, y_train, y_choose = train_test_split(
        x_rest, y_rest, test_size=0.25, random_state=1, stratify=y_rest
    )
    return {"train": (x_train, y_train), "choose": (x_choose, y_choose), "test": (x_test, y_test)}
