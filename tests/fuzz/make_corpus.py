#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets into corpus/safetensors and corpus/torch_checkpoint.

The safetensors seeds need nothing but Python; the checkpoints need torch and are left alone where it is missing.
"""
import collections
import io
import json
import pathlib
import pickle
import struct
import zipfile
import zlib

CORPUS = pathlib.Path(__file__).parent / 'corpus'


def safetensors(header, data=b''):
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(',', ':')).encode()
    return struct.pack('<Q', len(text)) + text + data


def entry(dtype, shape, begin, end):
    return {'dtype': dtype, 'shape': shape, 'data_offsets': [begin, end]}


def safetensors_seeds():
    widths = {'BOOL': 1, 'U8': 1, 'I8': 1, 'U16': 2, 'I16': 2, 'F16': 2, 'BF16': 2, 'U32': 4, 'I32': 4, 'F32': 4,
              'U64': 8, 'I64': 8, 'F64': 8}
    header, begin = {'__metadata__': {'afnet.format': '1', 'note': 'line\nbreak \u00e9'}}, 0
    for name, width in widths.items():
        header['t.' + name] = entry(name, [2, 1], begin, begin + 2 * width)
        begin += 2 * width
    yield 'types', safetensors(header, bytes(range(begin)))
    yield 'empty', safetensors({})
    yield 'padded', safetensors(b'{}      ')
    yield 'scalar', safetensors({'s': entry('F32', [], 0, 4)}, b'\0\0\x80\x3f')
    yield 'no_elements', safetensors({'z': entry('I64', [3, 0], 0, 0)})
    yield 'shuffled', safetensors({'b': entry('U8', [2], 1, 3), 'a': entry('U8', [1], 0, 1)}, b'abc')
    yield 'gap', safetensors({'b': entry('U8', [2], 1, 3)}, b'abc')
    yield 'overlap', safetensors({'b': entry('U8', [2], 0, 2), 'a': entry('U8', [2], 1, 3)}, b'abc')
    yield 'product_wraps', safetensors({'w': entry('F32', [1 << 32, 1 << 32], 0, 0)})
    yield 'name_twice', safetensors(b'{"a":%s,"a":%s}' % ((json.dumps(entry('U8', [0], 0, 0)).encode(),) * 2))
    yield 'deep', safetensors(b'{"a":{"shape":[[[[[]]]]]}}')
    yield 'escapes', safetensors(b'{"\\u0000\\ud83d\\ude00":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}')
    yield 'length_wraps', struct.pack('<Q', 2**64 - 1) + b'{}'


def pickle_seeds():
    """Pickles on their own, in every protocol that is read and with most of the opcodes."""
    shared = ['shared']
    shared.append(shared)
    value = {
        'none': None, 'flags': (True, False), 'integers': [1, 255, 256, 65536, -1, 2**31, -2**63, 2**100], 'real': 1.5,
        'bytes': b'raw', 'array': bytearray(b'raw'), 'set': {1}, 'frozen': frozenset({2}), 'shared': [shared, shared],
        'ordered': collections.OrderedDict(a=1), 'object': slice(1, 2), 'tuple': (1, 2, 3, 4), 'path': pathlib.PurePath('a'),
    }
    for protocol in range(2, 6):
        yield f'pickle{protocol}', pickle.dumps(value, protocol)


def zip64(entries):
    """An archive whose directory gives every size and place in zip64 fields only."""
    body, directory = b'', b''
    for name, data in entries:
        name, crc = name.encode(), zlib.crc32(data)
        extra = struct.pack('<HHQQQ', 1, 24, len(data), len(data), len(body))
        directory += struct.pack('<4s6H3I5H2I', b'PK\1\2', 45, 45, 0, 0, 0, 0, crc, 2**32 - 1, 2**32 - 1, len(name),
                                 len(extra), 0, 0, 0, 0, 2**32 - 1) + name + extra
        body += struct.pack('<4s5H3I2H', b'PK\3\4', 45, 0, 0, 0, 0, crc, len(data), len(data), len(name), 0) + name + data
    count, at = len(entries), len(body)
    end64 = struct.pack('<4sQ2H2I4Q', b'PK\6\6', 44, 45, 45, 0, 0, count, count, len(directory), at)
    locator = struct.pack('<4sIQI', b'PK\6\7', 0, at + len(directory), 1)
    end = struct.pack('<4s4H2IH', b'PK\5\6', 0, 0, 2**16 - 1, 2**16 - 1, 2**32 - 1, 2**32 - 1, 0)
    return body + directory + end64 + locator + end


def archive_seeds():
    """Checkpoints without tensors: what surrounds them."""
    parts = [('a/data.pkl', pickle.dumps({'epoch': 1}, 2)), ('a/byteorder', b'little'), ('a/data/0', b'1234')]
    yield 'zip64', zip64(parts)
    yield 'script', zip64(parts + [('a/constants.pkl', b'')])
    yield 'big_endian', zip64([parts[0], ('a/byteorder', b'big')])
    yield 'legacy', pickle.dumps(0x1950a86a20f9469cfc6c, 2)


def checkpoint_seeds(torch):
    base = torch.arange(6.).reshape(2, 3)
    weights = collections.OrderedDict(w=base, t=base.t(), half=base.half(), steps=torch.tensor(3))
    for name, contents, protocol in (
            ('state_dict', weights, 2),
            ('nested', {'epoch': 1, 'arch': 'a', 'state_dict': weights, 'optimizer': {'lr': 0.5, 'state': [None]}}, 2),
            ('parameter', {'model': {'p': torch.nn.Parameter(base)}}, 4),
            ('sparse', {'s': base.to_sparse()}, 2)):
        stream = io.BytesIO()
        torch.save(contents, stream, pickle_protocol=protocol)
        yield name, stream.getvalue()
        # The same without padding, and without zip64: small enough to be mutated well.
        packed = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(stream.getvalue())) as source, zipfile.ZipFile(packed, 'w') as target:
            for item in source.namelist():
                if '/data' in item or item.endswith('byteorder'):
                    target.writestr(zipfile.ZipInfo(item.replace('archive/', 'a/')), source.read(item))
        yield name + '_packed', packed.getvalue()


def write(folder, seeds):
    folder.mkdir(parents=True, exist_ok=True)
    for name, contents in seeds:
        (folder / name).write_bytes(contents)


def main():
    write(CORPUS / 'safetensors', safetensors_seeds())
    write(CORPUS / 'torch_checkpoint', pickle_seeds())
    write(CORPUS / 'torch_checkpoint', archive_seeds())
    try:
        import torch
    except ImportError:
        print('torch is not installed: the checkpoints in corpus/torch_checkpoint are as they were')
        return
    write(CORPUS / 'torch_checkpoint', checkpoint_seeds(torch))


if __name__ == '__main__':
    main()
