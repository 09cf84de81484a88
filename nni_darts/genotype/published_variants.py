"""Published genotypes by name: the variants of DARTS, each as its authors' repository ships it."""

from __future__ import annotations

from nni_darts.genotype.genotype import Genotype

# fmt: off
VARIANTS: dict[str, Genotype] = {
    # Chen and Hsieh 2020, SDARTS-RS on CIFAR-10 (c10_s5_random of its genotypes.py)
    "SDARTS_RS": Genotype.of(
        normal=[
            ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_5x5", 1), ("skip_connect", 0),
            ("sep_conv_3x3", 3), ("skip_connect", 1), ("sep_conv_3x3", 1), ("dil_conv_3x3", 2),
        ],
        reduce=[
            ("max_pool_3x3", 0), ("sep_conv_3x3", 1), ("skip_connect", 2), ("max_pool_3x3", 0),
            ("dil_conv_5x5", 3), ("max_pool_3x3", 0), ("sep_conv_3x3", 2), ("sep_conv_5x5", 3),
        ],
    ),
    # Chen and Hsieh 2020, SDARTS-ADV on CIFAR-10 (c10_s5_pgd)
    "SDARTS_ADV": Genotype.of(
        normal=[
            ("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 1), ("skip_connect", 0),
            ("sep_conv_5x5", 0), ("dil_conv_3x3", 3), ("dil_conv_3x3", 4), ("skip_connect", 0),
        ],
        reduce=[
            ("max_pool_3x3", 0), ("sep_conv_5x5", 1), ("skip_connect", 2), ("max_pool_3x3", 0),
            ("skip_connect", 3), ("skip_connect", 2), ("skip_connect", 2), ("sep_conv_5x5", 4),
        ],
    ),
    # Chen and Hsieh 2020, SDARTS-ADV in the space S4 (c10_s4_pgd), where it chose no noise
    "SDARTS_ADV_S4": Genotype.of(
        normal=[
            ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_3x3", 2), ("sep_conv_3x3", 1),
            ("sep_conv_3x3", 3), ("sep_conv_3x3", 2), ("sep_conv_3x3", 3), ("sep_conv_3x3", 4),
        ],
        reduce=[
            ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_3x3", 2), ("sep_conv_3x3", 1),
            ("sep_conv_3x3", 2), ("sep_conv_3x3", 3), ("sep_conv_3x3", 3), ("sep_conv_3x3", 4),
        ],
    ),
    # Wang et al. 2021, DARTS+PT on CIFAR-10, run 0 (s5_0)
    "DARTS_PT_0": Genotype.of(
        normal=[
            ("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_5x5", 0), ("dil_conv_3x3", 1),
            ("skip_connect", 0), ("skip_connect", 2), ("skip_connect", 0), ("max_pool_3x3", 4),
        ],
        reduce=[
            ("sep_conv_3x3", 0), ("avg_pool_3x3", 1), ("dil_conv_5x5", 1), ("dil_conv_3x3", 2),
            ("avg_pool_3x3", 0), ("max_pool_3x3", 2), ("sep_conv_3x3", 2), ("skip_connect", 4),
        ],
    ),
    # Wang et al. 2021, DARTS+PT on CIFAR-10, run 1 (s5_1)
    "DARTS_PT_1": Genotype.of(
        normal=[
            ("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("dil_conv_3x3", 1),
            ("max_pool_3x3", 0), ("skip_connect", 2), ("skip_connect", 0), ("dil_conv_3x3", 4),
        ],
        reduce=[
            ("dil_conv_5x5", 0), ("avg_pool_3x3", 1), ("max_pool_3x3", 0), ("sep_conv_5x5", 2),
            ("max_pool_3x3", 1), ("dil_conv_3x3", 3), ("sep_conv_5x5", 0), ("sep_conv_3x3", 4),
        ],
    ),
    # Wang et al. 2021, DARTS+PT on CIFAR-10, run 2 (s5_2)
    "DARTS_PT_2": Genotype.of(
        normal=[
            ("skip_connect", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("dil_conv_3x3", 1),
            ("skip_connect", 2), ("dil_conv_3x3", 3), ("max_pool_3x3", 1), ("skip_connect", 2),
        ],
        reduce=[
            ("avg_pool_3x3", 0), ("max_pool_3x3", 1), ("avg_pool_3x3", 0), ("sep_conv_3x3", 1),
            ("dil_conv_5x5", 2), ("skip_connect", 3), ("sep_conv_3x3", 2), ("sep_conv_5x5", 4),
        ],
    ),
    # Wang et al. 2021, DARTS+PT on CIFAR-10, run 3 (s5_3)
    "DARTS_PT_3": Genotype.of(
        normal=[
            ("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_3x3", 1),
            ("skip_connect", 0), ("skip_connect", 2), ("sep_conv_3x3", 1), ("skip_connect", 3),
        ],
        reduce=[
            ("avg_pool_3x3", 0), ("sep_conv_5x5", 1), ("max_pool_3x3", 1), ("skip_connect", 2),
            ("dil_conv_5x5", 1), ("max_pool_3x3", 3), ("sep_conv_5x5", 2), ("skip_connect", 3),
        ],
    ),
    # Chu et al. 2021, DARTS- on CIFAR-10
    "DARTS_MINUS_cifar10": Genotype.of(
        normal=[
            ("sep_conv_3x3", 0), ("sep_conv_5x5", 1), ("sep_conv_3x3", 1), ("dil_conv_3x3", 2),
            ("skip_connect", 1), ("sep_conv_3x3", 0), ("skip_connect", 1), ("sep_conv_3x3", 0),
        ],
        reduce=[
            ("sep_conv_3x3", 0), ("max_pool_3x3", 1), ("skip_connect", 2), ("max_pool_3x3", 0),
            ("skip_connect", 2), ("skip_connect", 3), ("skip_connect", 2), ("skip_connect", 3),
        ],
    ),
    # Chu et al. 2021, DARTS- on CIFAR-100
    "DARTS_MINUS_cifar100": Genotype.of(
        normal=[
            ("dil_conv_5x5", 0), ("dil_conv_3x3", 1), ("sep_conv_3x3", 1), ("dil_conv_3x3", 0),
            ("dil_conv_5x5", 0), ("dil_conv_3x3", 1), ("sep_conv_3x3", 1), ("dil_conv_5x5", 0),
        ],
        reduce=[
            ("max_pool_3x3", 0), ("sep_conv_5x5", 1), ("skip_connect", 2), ("sep_conv_5x5", 0),
            ("skip_connect", 2), ("skip_connect", 3), ("skip_connect", 2), ("skip_connect", 3),
        ],
    ),
    # Chu et al. 2021, DARTS- in the space S1
    "DARTS_MINUS_S1": Genotype.of(
        normal=[
            ("skip_connect", 1), ("dil_conv_3x3", 0), ("sep_conv_3x3", 1), ("dil_conv_3x3", 2),
            ("skip_connect", 0), ("sep_conv_3x3", 1), ("skip_connect", 1), ("dil_conv_3x3", 3),
        ],
        reduce=[
            ("max_pool_3x3", 0), ("max_pool_3x3", 1), ("max_pool_3x3", 1), ("max_pool_3x3", 0),
            ("skip_connect", 2), ("max_pool_3x3", 0), ("max_pool_3x3", 1), ("skip_connect", 3),
        ],
    ),
    # Chu et al. 2021, DARTS- in the space S2
    "DARTS_MINUS_S2": Genotype.of(
        normal=[
            ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0),
            ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("skip_connect", 1), ("sep_conv_3x3", 0),
        ],
        reduce=[
            ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("skip_connect", 2),
            ("skip_connect", 2), ("skip_connect", 3), ("skip_connect", 2), ("skip_connect", 3),
        ],
    ),
    # Gu et al. 2021, DOTS on CIFAR-10
    "DOTS_cifar10": Genotype.of(
        normal=[
            ("skip_connect", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_3x3", 1),
            ("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("skip_connect", 1), ("dil_conv_3x3", 3),
        ],
        reduce=[
            ("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("max_pool_3x3", 0), ("max_pool_3x3", 1),
            ("max_pool_3x3", 0), ("dil_conv_5x5", 3), ("max_pool_3x3", 0), ("dil_conv_5x5", 4),
        ],
    ),
    # Gu et al. 2021, DOTS on CIFAR-100
    "DOTS_cifar100": Genotype.of(
        normal=[
            ("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("skip_connect", 0), ("sep_conv_3x3", 1),
            ("sep_conv_3x3", 1), ("sep_conv_3x3", 3), ("sep_conv_3x3", 1), ("dil_conv_3x3", 4),
        ],
        reduce=[
            ("avg_pool_3x3", 0), ("avg_pool_3x3", 1), ("sep_conv_5x5", 0), ("sep_conv_5x5", 1),
            ("sep_conv_3x3", 0), ("dil_conv_5x5", 3), ("sep_conv_3x3", 3), ("dil_conv_3x3", 4),
        ],
    ),
    # Gu et al. 2021, DOTS on ImageNet
    "DOTS_image": Genotype.of(
        normal=[
            ("dil_conv_5x5", 0), ("skip_connect", 1), ("skip_connect", 0), ("sep_conv_3x3", 1),
            ("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_5x5", 1),
        ],
        reduce=[
            ("sep_conv_5x5", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_5x5", 1),
            ("max_pool_3x3", 0), ("dil_conv_5x5", 3), ("sep_conv_3x3", 0), ("max_pool_3x3", 1),
        ],
    ),
    # Chu et al. 2020, runs a and b (fairdarts/genotypes.py); "none" where a node has less than two operations
    "FairDARTS_a": Genotype.of(
        normal=[
            ("sep_conv_3x3", 0), ("sep_conv_5x5", 1), ("none", 0), ("none", 1),
            ("max_pool_3x3", 0), ("none", 1), ("sep_conv_3x3", 0), ("none", 1),
        ],
        reduce=[
            ("max_pool_3x3", 0), ("avg_pool_3x3", 1), ("avg_pool_3x3", 0), ("dil_conv_5x5", 1),
            ("avg_pool_3x3", 0), ("sep_conv_5x5", 1), ("skip_connect", 0), ("skip_connect", 1),
        ],
    ),
    "FairDARTS_b": Genotype.of(
        normal=[
            ("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 1), ("none", 0),
            ("dil_conv_3x3", 0), ("sep_conv_5x5", 1), ("dil_conv_5x5", 1), ("none", 0),
        ],
        reduce=[
            ("skip_connect", 0), ("dil_conv_3x3", 1), ("skip_connect", 0), ("dil_conv_3x3", 1),
            ("max_pool_3x3", 0), ("sep_conv_3x3", 1), ("skip_connect", 2), ("max_pool_3x3", 0),
        ],
    ),
    # Chu et al. 2020, cell d; fairdarts/genotypes.py
    "FairDARTS_d": Genotype.of(
        normal=[
            ("sep_conv_3x3", 0), ("sep_conv_5x5", 1), ("dil_conv_3x3", 1), ("max_pool_3x3", 0),
            ("dil_conv_3x3", 0), ("dil_conv_3x3", 1), ("sep_conv_3x3", 0), ("dil_conv_5x5", 1),
        ],
        reduce=[
            ("max_pool_3x3", 0), ("sep_conv_5x5", 1), ("avg_pool_3x3", 0), ("dil_conv_5x5", 2),
            ("dil_conv_3x3", 3), ("avg_pool_3x3", 0), ("avg_pool_3x3", 0), ("skip_connect", 3),
        ],
    ),
    # Chu et al. 2020, cell a of its genotypes.py
    "NoisyDARTS_a": Genotype.of(
        normal=[
            ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("skip_connect", 0), ("dil_conv_3x3", 2),
            ("dil_conv_3x3", 3), ("sep_conv_3x3", 1), ("dil_conv_5x5", 4), ("dil_conv_3x3", 3),
        ],
        reduce=[
            ("max_pool_3x3", 0), ("dil_conv_5x5", 1), ("skip_connect", 2), ("max_pool_3x3", 0),
            ("skip_connect", 2), ("skip_connect", 3), ("skip_connect", 2), ("dil_conv_5x5", 4),
        ],
    ),
    # Zhou et al. 2020
    "PRDARTS": Genotype.of(
        normal=[
            ("skip_connect", 0), ("sep_conv_3x3", 1), ("dil_conv_3x3", 2), ("sep_conv_3x3", 0),
            ("dil_conv_3x3", 3), ("sep_conv_3x3", 1), ("dil_conv_3x3", 4), ("dil_conv_3x3", 1),
        ],
        reduce=[
            ("avg_pool_3x3", 0), ("dil_conv_5x5", 1), ("sep_conv_3x3", 0), ("dil_conv_5x5", 2),
            ("sep_conv_5x5", 1), ("dil_conv_3x3", 3), ("dil_conv_5x5", 4), ("dil_conv_5x5", 1),
        ],
    ),
    # Zela et al. 2020: a collapsed cell of plain DARTS in the space S1 (weight decay 3e-4, seed 1)
    "DARTS_S1_collapsed": Genotype.of(
        normal=[
            ("skip_connect", 1), ("dil_conv_3x3", 0), ("skip_connect", 2), ("skip_connect", 0),
            ("skip_connect", 0), ("skip_connect", 2), ("skip_connect", 2), ("skip_connect", 1),
        ],
        reduce=[
            ("max_pool_3x3", 1), ("max_pool_3x3", 0), ("skip_connect", 2), ("max_pool_3x3", 1),
            ("skip_connect", 2), ("max_pool_3x3", 0), ("max_pool_3x3", 0), ("max_pool_3x3", 1),
        ],
    ),
    # Vahdat et al. 2020, CIFAR-10; darts/genotypes.py (nodes that take one input twice)
    "UNAS": Genotype.of(
        normal=[
            ("sep_conv_5x5", 0), ("skip_connect", 0), ("skip_connect", 0), ("dil_conv_3x3", 1),
            ("sep_conv_3x3", 0), ("dil_conv_3x3", 1), ("sep_conv_3x3", 1), ("dil_conv_3x3", 0),
        ],
        reduce=[
            ("sep_conv_3x3", 0), ("sep_conv_5x5", 0), ("skip_connect", 1), ("sep_conv_3x3", 0),
            ("avg_pool_3x3", 1), ("skip_connect", 0), ("sep_conv_5x5", 3), ("avg_pool_3x3", 1),
        ],
    ),
}
