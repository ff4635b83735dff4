internal import Glibc
internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterHTTPClient
internal import MusterKernels
internal import MusterSystem

/// `muster render`.
enum RenderCommand {
    static let output = Flag<String>.required(
        "output", short: "o", "FILE", as: .file,
        "The PNG file to write, which appears whole or not at all; - is standard output.")
    static let width = Flag<Int>.int(
        "width", "N", in: 1...Picture.sideMax, default: 1_920, "Pixels from left to right.")
    static let height = Flag<Int>.int(
        "height", "N", in: 1...Picture.sideMax, default: 1_080, "Pixels from top to bottom.")
    static let escape = Flag<Int>.int(
        "escape", "N", in: 1...Picture.escapeMax, default: 1_000, "Iterations after which a point counts as inside.")
    static let re = Flag<Double>.double(
        "re", "X", in: -Picture.centreMax...Picture.centreMax, default: -0.5, "The centre's real part.")
    static let im = Flag<Double>.double(
        "im", "Y", in: -Picture.centreMax...Picture.centreMax, default: 0, "The centre's imaginary part; it points up.")
    static let span = Flag<Double>.double(
        "span", "S", in: Picture.spans, default: 3.5, "The picture's width along the real axis.")
    static let palette = Flag<String>.text(
        "palette", "NAME", as: .choice(Palette.allCases.map(\.rawValue), reserved: []), default: "spectrum",
        "The colours; raw is 16-bit grey that holds the escape iteration mod 65,536, 0 inside.")
    static let smooth = Flag<Bool>.bool("smooth", "Have colours run on between whole iterations.")
    static let samples = Flag<Int>.int(
        "samples", "N", in: PictureBounds.samples, default: 1,
        "Points a side of each pixel, whose colours are averaged; 4 take 16 times as long.")
    static let spread = Flag<String>.text(
        "spread", "HOW", as: .choice(Spread.allCases.map(\.rawValue), reserved: []), default: "cycle",
        "How the palette lies over iterations: cycle goes round, the same for all pictures; range and logarithm lay it "
            + "once over those that this picture has.")

    static let command = Command(
        name: "render", summary: "render a picture of the Mandelbrot set on the whole fleet",
        description: [
            "All workers compute strips, the coordinator joins them, and the file grows while they come. The bytes "
                + "are the same whatever the number of workers.",
            "Width x height may be up to 2^28, width x height x escape up to 10^12, samples counted.",
            "The picture is computed with doubles. Pixels must lie 2^-52 of the larger of |re| and |im| apart at least. Well "
                + "before that single iteration counts in deep spirals differ from exact ones: 0.2 % of the pixels at a "
                + "span of 1e-3, 2 % at 1e-8, 16 % at 1e-10, 60 % at 1e-13; shallow places hold to 1e-12.",
        ],
        flags: [
            output.spec, width.spec, height.spec, escape.spec, re.spec, im.spec, span.spec, palette.spec,
            smooth.spec, samples.spec, spread.spec,
        ] + CommonFlags.client.filter { $0.name != "json" },
        exits: [Command.Exit(.success, "The file is there."), Command.Exit(.cannotCreate)] + CommonFlags.clientExits,
        examples: [
            Command.Example("muster render -o set.png", "The whole set."),
            Command.Example(
                "muster render -o valley.png --width 3840 --height 2160 --re -0.7436 --im 0.1318 --span 0.004 "
                    + "--escape 5000 --palette ember", "A part of its border, large."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let client = try CoordinatorClient(invocation)
        let file = try NewFile(invocation[output])
        let signals = Task {
            for await number in stopSignals() {
                file.discard()
                endProcess(128 + number)
            }
        }
        defer {
            signals.cancel()
            file.discard()
        }
        let bar = invocation.progress("strips of \(invocation[width])×\(invocation[height])", total: nil)
        defer { bar.finish() }
        var counter = PNGChunkCounter()
        do {
            let stream = try await client.open(path(invocation))
            defer { stream.cancel() }
            bar.update(total: stream.header("Muster-Strips").flatMap { Int($0) })
            while let piece = try await stream.next() {
                counter.feed(piece)
                try file.write(piece)
                // The first chunk of data holds two bytes of header.
                bar.update(done: max(0, counter.dataChunks - 1 - (counter.isAtEnd ? 1 : 0)))
            }
        } catch let error as HTTPClientError {
            throw CommandError(.temporary, "the picture broke off, no file was made: \(error.message)")
        }
        guard counter.isAtEnd else { throw CommandError(.internalError, "the coordinator's answer is not a whole PNG") }
        try file.keep()
    }

    @MainActor private static func path(_ invocation: Invocation) -> String {
        "/mandelbrot.png?width=\(invocation[width])&height=\(invocation[height])&escape=\(invocation[escape])"
            + "&re=\(invocation[re])&im=\(invocation[im])&span=\(invocation[span])&palette=\(invocation[palette])"
            + (invocation[smooth] ? "&smooth=true" : "")
            + (invocation[samples] > 1 ? "&samples=\(invocation[samples])" : "")
            + (invocation[spread] == "cycle" ? "" : "&spread=\(invocation[spread])")
    }
}
