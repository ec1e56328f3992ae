"""The joint upper bound: what ordinary training reaches that sees every sample at once, many times.

A device sees each sample once, class by class. The bound is a logistic regression on the very same
features of the very same learned samples, all together, with its regularisation chosen by
cross-validation. Reaching it means that learning in a stream has cost nothing.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegressionCV

STRENGTHS = (1.0, 10.0, 100.0, 1000.0)  # C; features have length 1, so useful values are large
FOLDS = 3
ITERATIONS_MAX = 2000


def joint_accuracy(
    features: NDArray[np.float64],
    labels: Sequence[str],
    test_features: NDArray[np.float64],
    test_labels: Sequence[str],
) -> float | None:
    """Train jointly and return the share of test images that come out right.

    Args:
        features: float[N,D] of the learned samples.
        labels: Their N classes.
        test_features: float[M,D].
        test_labels: Their M classes.

    Returns:
        0 to 1, or None where a class has too few samples to cross-validate.
    """
    counts = np.unique(np.asarray(labels), return_counts=True)[1]
    if len(counts) < 2 or counts.min() < FOLDS:  # noqa: PLR2004 - a choice needs two classes
        return None
    basis = row_space(features)
    probe = LogisticRegressionCV(
        Cs=STRENGTHS,
        cv=FOLDS,
        max_iter=ITERATIONS_MAX,
        scoring="accuracy",
        l1_ratios=(0.0,),
        use_legacy_attributes=False,
    )
    probe.fit(features @ basis, labels)
    return float(probe.score(test_features @ basis, test_labels))


def row_space(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Orthonormal columns that span the samples: the regression never leaves their span.

    With fewer samples than dimensions this is the same problem, several times smaller.
    """
    return np.linalg.svd(features, full_matrices=False)[2].T
