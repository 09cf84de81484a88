"""Published genotypes by name: the DARTS paper's own, its baselines and its first successors."""

from __future__ import annotations

from nni_darts.genotype.genotype import Genotype

# fmt: off
CLASSIC: dict[str, Genotype] = {
    # Liu et al. 2019, first order; quark0/darts cnn/genotypes.py
    "DARTS_V1": Genotype.of(
        normal=[
            ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("skip_connect", 0), ("sep_conv_3x3", 1),
            ("skip_connect", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("skip_connect", 2),
        ],
        reduce=[
            ("max_pool_3x3", 0), ("max_pool_3x3", 1), ("skip_connect", 2), ("max_pool_3x3", 0),
            ("max_pool_3x3", 0), ("skip_connect", 2), ("skip_connect", 2), ("avg_pool_3x3", 0),
        ],
    ),
    # Liu et al. 2019, second order; quark0/darts cnn/genotypes.py
    "DARTS_V2": Genotype.of(
        normal=[
            ("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_3x3", 1),
            ("sep_conv_3x3", 1), ("skip_connect", 0), ("skip_connect", 0), ("dil_conv_3x3", 2),
        ],
        reduce=[
            ("max_pool_3x3", 0), ("max_pool_3x3", 1), ("skip_connect", 2), ("max_pool_3x3", 1),
            ("max_pool_3x3", 0), ("skip_connect", 2), ("skip_connect", 2), ("max_pool_3x3", 1),
        ],
    ),
    # Xu et al. 2020, searched on CIFAR-10; yuhuixu1993/PC-DARTS genotypes.py
    "PC_DARTS_cifar": Genotype.of(
        normal=[
            ("sep_conv_3x3", 1), ("skip_connect", 0), ("sep_conv_3x3", 0), ("dil_conv_3x3", 1),
            ("sep_conv_5x5", 0), ("sep_conv_3x3", 1), ("avg_pool_3x3", 0), ("dil_conv_3x3", 1),
        ],
        reduce=[
            ("sep_conv_5x5", 1), ("max_pool_3x3", 0), ("sep_conv_5x5", 1), ("sep_conv_5x5", 2),
            ("sep_conv_3x3", 0), ("sep_conv_3x3", 3), ("sep_conv_3x3", 1), ("sep_conv_3x3", 2),
        ],
    ),
    # Xu et al. 2020, searched on ImageNet; yuhuixu1993/PC-DARTS genotypes.py
    "PC_DARTS_image": Genotype.of(
        normal=[
            ("skip_connect", 1), ("sep_conv_3x3", 0), ("sep_conv_3x3", 0), ("skip_connect", 1),
            ("sep_conv_3x3", 1), ("sep_conv_3x3", 3), ("sep_conv_3x3", 1), ("dil_conv_5x5", 4),
        ],
        reduce=[
            ("sep_conv_3x3", 0), ("skip_connect", 1), ("dil_conv_5x5", 2), ("max_pool_3x3", 1),
            ("sep_conv_3x3", 2), ("sep_conv_3x3", 1), ("sep_conv_5x5", 0), ("sep_conv_3x3", 3),
        ],
    ),
    # Chen et al. 2019; chenxin061/pdarts genotypes.py (another run than the figure of the paper)
    "PDARTS": Genotype.of(
        normal=[
            ("skip_connect", 0), ("dil_conv_3x3", 1), ("skip_connect", 0), ("sep_conv_3x3", 1),
            ("sep_conv_3x3", 1), ("sep_conv_3x3", 3), ("sep_conv_3x3", 0), ("dil_conv_5x5", 4),
        ],
        reduce=[
            ("avg_pool_3x3", 0), ("sep_conv_5x5", 1), ("sep_conv_3x3", 0), ("dil_conv_5x5", 2),
            ("max_pool_3x3", 0), ("dil_conv_3x3", 1), ("dil_conv_3x3", 1), ("dil_conv_5x5", 3),
        ],
    ),
    # Xie et al. 2019, mild constraint; as listed in xiaomi-automl/FairDARTS
    "SNAS": Genotype.of(
        normal=[
            ("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("skip_connect", 0), ("dil_conv_3x3", 1),
            ("skip_connect", 1), ("skip_connect", 0), ("skip_connect", 0), ("sep_conv_3x3", 1),
        ],
        reduce=[
            ("max_pool_3x3", 0), ("max_pool_3x3", 1), ("max_pool_3x3", 1), ("skip_connect", 2),
            ("skip_connect", 2), ("max_pool_3x3", 1), ("max_pool_3x3", 0), ("dil_conv_5x5", 2),
        ],
    ),
    # Dong and Yang 2019; as listed in xiaomi-automl/FairDARTS
    "GDAS_V1": Genotype.of(
        normal=[
            ("skip_connect", 0), ("skip_connect", 1), ("skip_connect", 0), ("sep_conv_5x5", 2),
            ("sep_conv_3x3", 3), ("skip_connect", 0), ("sep_conv_5x5", 4), ("sep_conv_3x3", 3),
        ],
        reduce=[
            ("sep_conv_5x5", 0), ("sep_conv_3x3", 1), ("sep_conv_5x5", 2), ("sep_conv_5x5", 1),
            ("dil_conv_5x5", 2), ("sep_conv_3x3", 1), ("sep_conv_5x5", 0), ("sep_conv_5x5", 2),
        ],
    ),
    # Zheng et al. 2019; as listed in xiaomi-automl/FairDARTS
    "MdeNAS": Genotype.of(
        normal=[
            ("sep_conv_5x5", 1), ("sep_conv_3x3", 0), ("skip_connect", 0), ("sep_conv_5x5", 1),
            ("sep_conv_5x5", 3), ("sep_conv_3x3", 1), ("dil_conv_5x5", 3), ("max_pool_3x3", 4),
        ],
        reduce=[
            ("max_pool_3x3", 0), ("sep_conv_5x5", 1), ("skip_connect", 0), ("skip_connect", 1),
            ("sep_conv_3x3", 3), ("skip_connect", 2), ("dil_conv_3x3", 3), ("sep_conv_5x5", 0),
        ],
    ),
    # Zoph et al. 2018 (NASNet-A); quark0/darts cnn/genotypes.py
    "NASNet": Genotype.of(
        normal=[
            ("sep_conv_5x5", 1), ("sep_conv_3x3", 0), ("sep_conv_5x5", 0), ("sep_conv_3x3", 0),
            ("avg_pool_3x3", 1), ("skip_connect", 0), ("avg_pool_3x3", 0), ("avg_pool_3x3", 0),
            ("sep_conv_3x3", 1), ("skip_connect", 1),
        ],
        reduce=[
            ("sep_conv_5x5", 1), ("sep_conv_7x7", 0), ("max_pool_3x3", 1), ("sep_conv_7x7", 0),
            ("avg_pool_3x3", 1), ("sep_conv_5x5", 0), ("skip_connect", 3), ("avg_pool_3x3", 2),
            ("sep_conv_3x3", 2), ("max_pool_3x3", 1),
        ],
        reduce_concat=[4, 5, 6],
    ),
    # Real et al. 2019 (AmoebaNet-A); quark0/darts cnn/genotypes.py
    "AmoebaNet": Genotype.of(
        normal=[
            ("avg_pool_3x3", 0), ("max_pool_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_5x5", 2),
            ("sep_conv_3x3", 0), ("avg_pool_3x3", 3), ("sep_conv_3x3", 1), ("skip_connect", 1),
            ("skip_connect", 0), ("avg_pool_3x3", 1),
        ],
        normal_concat=[4, 5, 6],
        reduce=[
            ("avg_pool_3x3", 0), ("sep_conv_3x3", 1), ("max_pool_3x3", 0), ("sep_conv_7x7", 2),
            ("sep_conv_7x7", 0), ("avg_pool_3x3", 1), ("max_pool_3x3", 0), ("max_pool_3x3", 1),
            ("conv_7x1_1x7", 0), ("sep_conv_3x3", 5),
        ],
        reduce_concat=[3, 4, 6],
    ),
    # Pham et al. 2018; as listed in xiaomi-automl/FairDARTS
    "ENASNet": Genotype.of(
        normal=[
            ("sep_conv_3x3", 1), ("skip_connect", 1), ("sep_conv_5x5", 1), ("skip_connect", 0),
            ("avg_pool_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("avg_pool_3x3", 1),
            ("sep_conv_5x5", 1), ("avg_pool_3x3", 0),
        ],
        reduce=[
            ("sep_conv_5x5", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 1), ("avg_pool_3x3", 1),
            ("sep_conv_3x3", 1), ("avg_pool_3x3", 1), ("avg_pool_3x3", 1), ("sep_conv_5x5", 4),
            ("sep_conv_3x3", 5), ("sep_conv_5x5", 0),
        ],
    ),
}
