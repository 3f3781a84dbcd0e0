"""ResNet-50, AF-ResNet-50 and AF-ResNet-101, with and without TSM, in PyTorch."""
import torch.nn.functional as F
from torch import nn

from layers import Attention, ConvNorm, FocalBlock, Linear, Navigation, consensus, fuse, run_stages, shift


class Bottleneck(nn.Module):
    """`pooled`: the shortcut follows a stride by an average pool, as in AFNet; else by its projection's stride."""

    def __init__(self, source, key, ci, co, stride, pooled, last_relu, options):
        super().__init__()
        self.last_relu, self.options = last_relu, options
        self.conv1 = ConvNorm(source, key + ".conv1", key + ".bn1", ci, co // 4)
        self.conv2 = ConvNorm(source, key + ".conv2", key + ".bn2", co // 4, co // 4, 3, stride)
        self.conv3 = ConvNorm(source, key + ".conv3", key + ".bn3", co // 4, co)
        self.pool = pooled and stride != 1
        self.projection = None
        if ci != co or (stride != 1 and not pooled):
            index = 1 if self.pool else 0
            self.projection = ConvNorm(source, f"{key}.downsample.{index}", f"{key}.downsample.{index + 1}", ci, co, 1,
                                       1 if pooled else stride)

    def forward(self, x):
        u = shift(x, self.options.frames) if self.options.shift else x
        shortcut = F.avg_pool2d(x, 3, 2, 1) if self.pool else x
        if self.projection is not None:
            shortcut = self.projection(shortcut)
        y = self.conv3(F.relu(self.conv2(F.relu(self.conv1(u))))) + shortcut
        return F.relu(y) if self.last_relu else y


class FocalBranch(nn.Module):
    def __init__(self, source, key, ci, co):
        super().__init__()
        self.conv1 = ConvNorm(source, key + ".conv1", key + ".bn1", ci, co // 4, groups=2)
        self.conv2 = ConvNorm(source, key + ".conv2", key + ".bn2", co // 4, co // 4, 3, groups=2)
        self.conv3 = ConvNorm(source, key + ".conv3", key + ".bn3", co // 4, co, groups=2)

    def forward(self, x):
        return self.conv3(F.relu(self.conv2(F.relu(self.conv1(x)))))


class AfModule(nn.Module):
    def __init__(self, source, key, ci, channels, blocks, fusion_stride, options):
        super().__init__()
        self.navigation, self.ample, self.focal = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for i in range(blocks):
            ample_in, focal_in = (channels // 2, channels) if i else (ci, ci)
            last_relu, refine = i + 1 < blocks, f"{key}.refine_module.{i}"
            self.navigation.append(Navigation(source, f"{key}.list_gen.{i}", ample_in, options.frames))
            self.ample.append(Bottleneck(source, f"{key}.base_module.{i}", ample_in, channels // 2, 1 if i else 2, True,
                                         last_relu, options))
            projection = ConvNorm(source, refine + ".downsample.0", refine + ".downsample.1", ci, channels) \
                if focal_in != channels else None
            self.focal.append(FocalBlock(FocalBranch(source, refine, focal_in, channels), projection, last_relu,
                                         options.shift, options.frames, options.gather))
        self.transform = ConvNorm(source, key + ".base_transform.0", key + ".base_transform.1", channels // 2, channels)
        self.attention = Attention(source, key + ".att_gen", channels, channels // 16, False)
        self.fusion = Bottleneck(source, key + ".fusion.0", channels, channels, fusion_stride, True, True, options)

    def forward(self, x, thresholds):
        ample = focal = x
        for i, navigation in enumerate(self.navigation):
            mask = navigation(ample, thresholds[i])
            ample, focal = self.ample[i](ample), self.focal[i](focal, mask)
        return self.fusion(F.relu(fuse(self.transform(ample), focal, self.attention)))


class ResNet(nn.Module):
    """Both kinds: `adaptive` ones have AF modules in place of the first three stages."""

    def __init__(self, source, depths, adaptive, options):
        super().__init__()
        self.frames, self.adaptive = options.frames, adaptive
        self.stem = ConvNorm(source, "conv1", "bn1", 3, 64, 7, 2)
        self.stages, channels = nn.ModuleList(), 64
        for stage, depth in enumerate(depths):
            key, out = f"layer{stage + 1}", 256 << stage
            if adaptive and stage < 3:
                self.stages.append(AfModule(source, key, channels, out, depth - 1, 2 if stage < 2 else 1, options))
            else:
                self.stages.append(nn.Sequential(*(
                    Bottleneck(source, f"{key}.{i}", channels if i == 0 else out, out,
                               2 if i == 0 and stage > 0 else 1, adaptive, True, options) for i in range(depth))))
            channels = out
        self.fc = Linear(source, "fc", channels, options.classes)
        self.blocks = sum(depth - 1 for depth in depths[:3]) if adaptive else 0

    def forward(self, video, thresholds=None):
        x = F.max_pool2d(F.relu(self.stem(video)), 3, 2, 1)
        x = run_stages(self.stages, AfModule, x, thresholds)
        return consensus(self.fc(x.mean((2, 3))), self.frames)
