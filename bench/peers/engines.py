"""The engines that run the networks. Each loads one network and returns a callable that runs it once.

A loader takes worker options and returns an Engine; what it does is outside of the timing.
"""
import dataclasses
import time
import typing
import warnings

import numpy as np


@dataclasses.dataclass
class Engine:
    run: typing.Callable  # thresholds (numpy or None) -> (logits, clip_logits), numpy
    remark: str = ""      # what the engine settled on


class Unsupported(Exception):
    """This machine or version cannot do what the engine's name says."""


def quickest(candidates, thresholds):
    """The name of the quickest of several ways to run the same network."""
    best = {}
    for name, run in candidates.items():
        times = []
        for _ in range(4):
            begin = time.perf_counter()
            run(thresholds)
            times.append(time.perf_counter() - begin)
        best[name] = min(times[1:])
    return min(best, key=best.get)


def load_torch(options, video, thresholds):
    import torch

    import networks

    torch.set_num_threads(options.threads)
    torch.set_num_interop_threads(1)
    warnings.filterwarnings("ignore")
    unfolded, traced = options.engine == "pytorch-unfolded", options.engine == "pytorch-traced"

    def way(layout):
        network = networks.build(options.network, options.frames, fold=not unfolded, gather=options.form == "gather")
        network = network.to(memory_format=layout)
        frames = torch.from_numpy(video).to(memory_format=layout)

        def inputs(limits):
            return (frames,) if limits is None else (frames, torch.from_numpy(limits))

        function = network
        with torch.inference_mode():
            network(*inputs(thresholds))  # what is computed at load: the responses to zeroes
        if traced:
            with torch.no_grad():
                module = torch.jit.trace(network, inputs(thresholds), check_trace=False)
                function = torch.jit.optimize_for_inference(torch.jit.freeze(module))

        def run(limits):
            with torch.inference_mode():
                return tuple(result.numpy() for result in function(*inputs(limits)))

        return run

    if unfolded:  # as the authors' code runs
        return Engine(way(torch.contiguous_format), "NCHW")
    ways = {"NCHW": way(torch.contiguous_format), "NHWC": way(torch.channels_last)}
    chosen = quickest(ways, thresholds)
    return Engine(ways[chosen], chosen)


def load_onnxruntime(options, video, thresholds):
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = options.threads, 1
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(options.model, settings, providers=["CPUExecutionProvider"])

    def run(limits):
        feed = {"video": video} if limits is None else {"video": video, "thresholds": limits}
        return session.run(["logits", "clip_logits"], feed)

    return Engine(run)


def load_openvino(options, video, thresholds):
    import openvino

    precision = "bf16" if options.engine == "openvino-bf16" else "f32"
    core = openvino.Core()
    if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise Unsupported("this CPU has no bf16 that OpenVINO would use")
    compiled = core.compile_model(core.read_model(options.model), "CPU", {
        "INFERENCE_NUM_THREADS": options.threads, "INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()
    request.set_tensor("video", openvino.Tensor(video, shared_memory=True))

    def run(limits):
        if limits is not None:
            request.set_tensor("thresholds", openvino.Tensor(limits, shared_memory=True))
        request.infer()
        return [request.get_tensor(name).data for name in ("logits", "clip_logits")]

    settled = compiled.get_property("INFERENCE_PRECISION_HINT")
    return Engine(run, f"precision {getattr(settled, 'get_type_name', lambda: settled)()}, "
                       f"{compiled.get_property('INFERENCE_NUM_THREADS')} threads")


LOADERS = {
    "pytorch-unfolded": load_torch,
    "pytorch": load_torch,
    "pytorch-traced": load_torch,
    "onnxruntime": load_onnxruntime,
    "openvino": load_openvino,
    "openvino-bf16": load_openvino,
}


def load(options, video, thresholds):
    return LOADERS[options.engine](options, np.ascontiguousarray(video), thresholds)
