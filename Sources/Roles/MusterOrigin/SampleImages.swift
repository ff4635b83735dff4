internal import Glibc
internal import MusterAPI
internal import MusterKernels
internal import MusterLog
internal import MusterRole
internal import MusterWire

/// Images that an origin renders itself when it begins with none: regions of the Mandelbrot set, ids 1 to 12.
enum SampleImages {
    private struct Sample {
        var re: Double
        var im: Double
        var span: Double
        var palette: Palette
        var escape = 600
        var width = 640
    }

    private static let samples: [Sample] = [
        Sample(re: -0.5, im: 0, span: 3.9, palette: .spectrum, width: 1_280),
        Sample(re: -0.7436, im: 0.1318, span: 0.004, palette: .ember, escape: 1_500),
        Sample(re: -0.7453, im: 0.1127, span: 0.0065, palette: .glacier, escape: 1_200),
        Sample(re: 0.2825, im: 0.4845, span: 0.03, palette: .spectrum),
        Sample(re: -1.25066, im: 0.02012, span: 0.0017, palette: .ember, escape: 1_500),
        Sample(re: -0.1592, im: 1.0317, span: 0.03, palette: .glacier),
        Sample(re: -1.7497, im: 0, span: 0.08, palette: .spectrum),
        Sample(re: 0.275, im: 0.0075, span: 0.02, palette: .ember, escape: 1_000),
        Sample(re: -0.5622, im: 0.6428, span: 0.05, palette: .glacier),
        Sample(re: -0.1011, im: 0.9563, span: 0.05, palette: .spectrum),
        Sample(re: -1.3107, im: 0.0733, span: 0.06, palette: .grey),
        Sample(re: -0.8, im: 0.18, span: 0.3, palette: .ember, width: 1_280),
    ]

    /// Stores the samples where nothing was ever stored, and finishes what a crash left of that. What is deleted later
    /// stays deleted. Blocks, for about a second. Throws a `NodeError`.
    static func makeWhereNew(_ store: ImageStore) throws(NodeError) {
        let marker = store.folder.samplesPath
        let mark = try readWhole(marker, bytesMax: 64).map { String(decoding: $0, as: UTF8.self) }
        guard mark == "begun\n" || (mark == nil && store.isFresh) else { return }
        if mark == nil { try writePrivately("begun\n", to: marker) }
        for (place, sample) in samples.enumerated() {
            let id = ImageID(Int64(place + 1))
            if store[id] == nil { try make(sample, id, store) }
        }
        try writePrivately("done\n", to: marker)
        Log.info("rendered the sample images", ["ids": "1-\(samples.count)"])
    }

    private static func make(_ sample: Sample, _ id: ImageID, _ store: ImageStore) throws(NodeError) {
        do {
            let picture = try Picture(
                width: sample.width, height: sample.width * 9 / 16, escape: sample.escape, re: sample.re,
                im: sample.im, span: sample.span, palette: sample.palette)
            let upload = try store.beginUpload(id, type: "image/png")
            try upload.append(try file(of: picture))
            _ = try store.put(upload) { _ in }
        } catch {
            throw NodeError(.files, "cannot store sample image \(id): \(error)")
        }
    }

    private static func file(of picture: Picture) throws(Problem) -> [UInt8] {
        var assembly = PNGAssembly(picture)
        var file = assembly.header
        for index in 0..<picture.stripCount {
            let rows = picture.strip(index)
            guard let strip = MandelbrotStrip.compute(picture, rows: rows, isCancelled: { false }) else { break }
            file += try assembly.append(strip)
        }
        return file + assembly.trailer
    }
}
