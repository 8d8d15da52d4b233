#!/usr/bin/env python3
"""Writes tests/golden/audio: small WAV and FLAC files of every form of sample, and what numpy and transformers make of them.

    python tests/audio/make_audio.py tests/golden/audio

Made with numpy 2.4.6, transformers 5.24.0 and soundfile 0.14.0 (libsndfile 1.2.2, which writes the FLAC files and agrees
with every sample). samples.json: name -> rate, samples (float32, channels averaged with numpy.mean). features.json: name ->
file, what preprocessor_config.json says, whether a short recording is padded, and where in features.f32 the features stand:
[bins, kept] float32, the frames behind them all of the value `rest`. They are those of WhisperFeatureExtractor's numpy path.
"""
import json
import struct
import sys
from pathlib import Path

import numpy as np
import soundfile
from transformers.models.whisper import feature_extraction_whisper

feature_extraction_whisper.is_torch_available = lambda: False
OUT = Path(sys.argv[1])
random = np.random.default_rng(11)
N = 48


def wav(path, rate, data, tag, channels, bits, extensible=False, before=b""):
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", 0xFFFE if extensible else tag, channels, rate, rate * block, block, bits)
    if extensible:
        form += struct.pack("<HHIH", 22, bits, 0, tag) + bytes.fromhex("000000001000800000aa00389b71")
    body = b"fmt " + struct.pack("<I", len(form)) + form + before + b"data" + struct.pack("<I", len(data)) + data
    body += b"\0" * (len(data) % 2)
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body)


def packed(values, bits):
    if bits == 8:
        return (values + 128).astype(np.uint8).tobytes()
    return b"".join(int(v).to_bytes(bits // 8, "little", signed=True) for v in values.reshape(-1))


def ulaw(byte):  # ITU-T G.711
    byte = ~byte & 0xFF
    size = (((byte & 15) << 3) + 132 << (byte >> 4 & 7)) - 132
    return -size if byte & 128 else size


def alaw(byte):
    byte ^= 0x55
    size = (byte & 15) << 4
    segment = byte >> 4 & 7
    size = size + 8 if segment == 0 else size + 264 << segment - 1
    return size if byte & 128 else -size


samples = {}


def expect(name, rate, values):
    values = np.asarray(values, dtype=np.float32)
    mono = values.mean(axis=1) if values.ndim == 2 else values
    read, found = soundfile.read(OUT / name, dtype="float32")
    assert found == rate and np.array_equal(read, values), name
    samples[name] = {"rate": rate, "samples": [float(v) for v in mono]}


def forms():
    for bits in (8, 16, 24, 32):
        top = 1 << bits - 1
        values = random.integers(-top, top, N)
        values[:3] = [-top, top - 1, 0]
        wav(OUT / f"pcm{bits}.wav", 8000, packed(values, bits), 1, 1, bits)
        expect(f"pcm{bits}.wav", 8000, values / top)
    for bits in (32, 64):
        values = random.normal(0, 0.6, N).astype(np.float32)
        wav(OUT / f"float{bits}.wav", 44100, values.astype("<f%d" % (bits // 8)).tobytes(), 3, 1, bits)
        expect(f"float{bits}.wav", 44100, values)
    for tag, name, law in ((7, "ulaw", ulaw), (6, "alaw", alaw)):
        wav(OUT / f"{name}.wav", 8000, bytes(range(256)), tag, 1, 8)
        expect(f"{name}.wav", 8000, np.array([law(byte) for byte in range(256)]) / 32768)
    pair = random.integers(-32768, 32768, (N, 2))
    wav(OUT / "stereo.wav", 22050, packed(pair, 16), 1, 2, 16, before=b"LIST\x05\0\0\0hello\0")
    expect("stereo.wav", 22050, pair / 32768)
    three = random.integers(-(1 << 23), 1 << 23, (N + 1, 3))
    wav(OUT / "extensible3.wav", 96000, packed(three, 24), 1, 3, 24, extensible=True)
    expect("extensible3.wav", 96000, three / (1 << 23))
    for bits, subtype in ((8, "PCM_S8"), (16, "PCM_16"), (24, "PCM_24")):
        top = 1 << bits - 1
        values = random.integers(-top, top, (N, 2))
        soundfile.write(OUT / f"pcm{bits}.flac", (values << 32 - bits).astype(np.int32), 16000, subtype=subtype)
        expect(f"pcm{bits}.flac", 16000, values / top)


features = {}
table = bytearray()


def feature(name, file, settings, pad=True):
    audio, rate = soundfile.read(OUT / file, dtype="float32")
    audio = audio.mean(axis=1) if audio.ndim == 2 else audio
    extractor = feature_extraction_whisper.WhisperFeatureExtractor(**settings)
    found = extractor(audio, sampling_rate=rate, padding="max_length" if pad else "do_not_pad", return_tensors="np")
    found = found["input_features"][0].astype("<f4")
    kept = found.shape[1]
    while kept > 0 and (found[:, kept - 1] == found[:, -1]).all() and (found[:, -1] == found[0, -1]).all():
        kept -= 1
    features[name] = {"file": file, "settings": settings, "pad": pad, "bins": found.shape[0], "frames": found.shape[1],
                      "kept": kept, "rest": float(found[0, -1]), "at": len(table) // 4}
    table.extend(found[:, :kept].tobytes())


def recordings():
    time = np.arange(int(16000 * 1.2)) / 16000
    chirp = 0.5 * np.sin(2 * np.pi * (60 * time + 3000 * time**2)) * np.minimum(1, time * 20)
    soundfile.write(OUT / "chirp.flac", (chirp * 32767).astype(np.int16), 16000, subtype="PCM_16")
    noise = np.clip(random.normal(0, 40, (8000, 2)), -127, 127).astype(np.int16)
    soundfile.write(OUT / "noise.flac", noise, 16000, subtype="PCM_16")
    soundfile.write(OUT / "silence.wav", np.zeros(1600, dtype=np.int16), 16000, subtype="PCM_16")
    hum = 3000 * np.sin(np.arange(3001) * 0.31) + 2000 * (np.arange(3001) % 97 < 9)
    soundfile.write(OUT / "hum11.wav", hum.astype(np.int16), 11025, subtype="PCM_16")
    feature("chirp", "chirp.flac", {})
    feature("noise", "noise.flac", {"feature_size": 128})
    feature("silence", "silence.wav", {})
    feature("cut", "chirp.flac", {"chunk_length": 1})
    feature("as long as it is", "noise.flac", {}, pad=False)
    feature("other lengths", "hum11.wav",
            {"sampling_rate": 11025, "n_fft": 294, "hop_length": 77, "feature_size": 40, "padding_value": 0.01, "chunk_length": 1})


OUT.mkdir(parents=True, exist_ok=True)
forms()
recordings()
(OUT / "samples.json").write_text(json.dumps(samples, separators=(",", ":")).replace('},"', '},\n"') + "\n")
(OUT / "features.json").write_text(json.dumps(features, indent=1) + "\n")
(OUT / "features.f32").write_bytes(table)
