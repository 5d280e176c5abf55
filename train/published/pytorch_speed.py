"""Times the published networks in PyTorch, to compare with `sundae bench`.

    python pytorch_speed.py TAMING SUNDAE [THREADS]

TAMING and SUNDAE are clones of CompVis/taming-transformers and vvvm23/sundae-vqgan, which need
einops, rotary-embedding-torch, performer-pytorch and tqdm. The networks
are those of ffhq1024-hourglass-2122-4-large, with constant weights: their values do not change
the speed.
"""

import resource
import sys
import time

import torch
from torch.distributions.categorical import Categorical

sys.path[:0] = sys.argv[1:3]
torch.set_num_threads(int(sys.argv[3]) if len(sys.argv) > 3 else 2)
for module in (torch.nn.Linear, torch.nn.Embedding, torch.nn.Conv2d):
    module.reset_parameters = lambda self: None  # takes longer than the steps

from hourglass_transformer_pytorch import HourglassTransformerLM
from taming.modules.diffusionmodules.model import Decoder


def constant(net):
    for p in net.parameters():
        p.data.fill_(0.003)
    return net.eval()


def report(what, began):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{what}: {time.time() - began:.2f} s, peak {peak:.2f} GB", flush=True)


@torch.inference_mode()
def step():
    net = constant(HourglassTransformerLM(
        num_tokens=8192, dim=2048, max_seq_len=1024, depth=(2, 12, 2), shorten_factor=4, heads=8, dim_head=64,
        causal=False, rotary_pos_emb=True, attn_resampling=True, updown_sample_type="linear"))
    tokens = torch.randint(8192, (1, 1024))
    for _ in range(4):
        began = time.time()
        Categorical(logits=net(tokens) / 0.7).sample()
        report("step", began)


@torch.inference_mode()
def decode():
    net = constant(Decoder(
        ch=128, out_ch=3, ch_mult=[1, 1, 2, 2, 4, 4], num_res_blocks=1, attn_resolutions=[64], in_channels=3,
        resolution=1024, z_channels=256))
    codes = torch.randn(1, 256, 32, 32)
    for _ in range(2):
        began = time.time()
        net(codes)
        report("decode", began)


decode()
step()
