internal import MusterClient
internal import MusterCommandLine

/// `muster image`.
enum ImageCommand {
    static let action = Positional<String?>.optional(
        "ACTION", as: .choice(ImageAction.words, reserved: []), "What to do; without it there is a menu.")
    static let id = Positional<String?>.optional(
        "ID", as: .text(bytesMax: 256, suggestions: []), "The image's number, 0 to \(Int64.max).")
    static let file = Positional<String?>.optional(
        "FILE", as: .file, "With put: the bytes to store; - is standard input.")
    static let output = Flag<String?>.text(
        "output", short: "o", "FILE", as: .file,
        "With get: the file to write, which appears whole or not at all; - is standard output."
    ).defaulting(to: "a new file image-ID.EXT here, EXT by the image's type")
    static let type = Flag<String?>.text(
        "type", "TYPE", as: .text(bytesMax: 255, suggestions: []),
        "With put: the media type to store it under, such as image/png."
    ).defaulting(to: "by the end of FILE's name, else application/octet-stream")

    static let command = Command(
        name: "image", summary: "get, measure, store and delete images through the edges",
        description: [
            "get ID fetches an image into a file, size ID prints how many bytes it has, put ID FILE stores one and "
                + "delete ID deletes it. Without an action there is a menu: 1 get_image, 2 get_image_size, which also "
                + "reads a pipe and ends with its input.",
            "An edge is chosen by the image's number. When it cannot be reached, falls silent, breaks off or answers with an "
                + "error of its own (500 and above), the next in the order of preference is asked, from the start. That there is "
                + "no such image (404) is an answer, and ends it. Changes go through an edge to the origin, which then "
                + "has the other edges forget; storing and deleting twice does no harm, so they are repeated, too.",
            "What is got is compared with the length and, where the server sends Repr-Digest, the checksum that were announced.",
            "Standard error tells which edge answered, and whether from its cache (HIT, MISS, STALE).",
        ],
        positionals: [action.spec, id.spec, file.spec],
        flags: [
            output.spec, ImageFlags.edges.spec, ImageFlags.origin.spec, ImageFlags.balance.spec,
            ImageFlags.timeout.spec, type.spec,
        ] + CommonFlags.client,
        rules: [.exclusive(["edges", "origin"])],
        exits: [
            Command.Exit(.success, "It is done; or the menu was left, whatever its requests came to."),
            Command.Exit(.data, "What was to be stored was refused."),
            Command.Exit(.noInput, "There is no such image, or FILE cannot be read."),
            Command.Exit(.unavailable, "No edge answered, none is known, or the coordinator cannot be asked for them."),
            Command.Exit(.internalError), Command.Exit(.cannotCreate, "The file of -o cannot be made."),
            Command.Exit(.inputOutput), Command.Exit(.temporary, "All are too busy or full: try later."),
            Command.Exit(.noPermission),
        ],
        examples: [
            Command.Example("muster image get 7 -o seven.png", "Image 7, from the edge that it belongs to."),
            Command.Example("muster image size 7", "How many bytes it has."),
            Command.Example(
                "muster image put 77 set.png --origin http://127.0.0.1:9000", "Store one at the origin itself."),
            Command.Example(
                "muster image get 7 -o - --edges http://a:8001,http://b:8002 --balance rendezvous | file -",
                "Without a coordinator, by highest random weight."),
            Command.Example("printf '2\\n7\\nq\\n' | muster image", "The menu, driven by a script."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let action = try ImageAction(action: invocation[action], id: invocation[id], file: invocation[file])
        try refuseWhatMeansNothing(action, invocation)
        let client = try ImageClient(invocation)
        switch action {
        case .menu:
            try await endingWell { unfinished in try await ImageMenu(invocation, client, unfinished).run() }
        case .get(let image):
            try await endingWell { unfinished in
                let download = ImageDownload(
                    client, invocation, image, to: invocation[output], unfinished: unfinished)
                try report(try await download.run(), invocation, client)
            }
        case .size(let image):
            let found = try await client.size(of: image)
            if !invocation[CommonFlags.json] { try invocation.out.line("\(found.bytes)") }
            try report(found, invocation, client)
        case .put(let image, let file):
            let upload = try ImageUpload(file)
            let type = invocation[type] ?? ImageFileName.type(of: file)
            try report(try await client.put(image, upload, type: type), invocation, client)
        case .delete(let image): try report(try await client.delete(image), invocation, client)
        }
    }

    @MainActor private static func report(
        _ report: ImageReport, _ invocation: Invocation, _ client: ImageClient
    ) throws {
        guard invocation[CommonFlags.json] else { return client.note(report.line) }
        try invocation.out.write(report.json + [0x0A])
    }

    /// Nothing stays of a file that is not whole when a signal ends the process, even while the main thread waits for input.
    @MainActor private static func endingWell(_ body: @MainActor (UnfinishedFile) async throws -> Void) async throws {
        let unfinished = UnfinishedFile()
        let numbers = stopSignals()
        let signals = Task.detached {
            for await number in numbers { unfinished.exitDiscarding(128 + number) }
        }
        defer { signals.cancel() }
        try await body(unfinished)
    }

    @MainActor private static func refuseWhatMeansNothing(
        _ action: ImageAction, _ invocation: Invocation
    ) throws(CommandError) {
        let arguments = invocation.arguments
        func isTyped<Value>(_ flag: Flag<Value>) -> Bool {
            arguments.isTyped(flag.spec.name)
        }
        if case .get = action {
            if invocation[output] == "-", invocation[CommonFlags.json] {
                throw .usage("-o - and --json exclude each other: both are for standard output")
            }
        } else if isTyped(output) {
            throw .usage("--output is for 'muster image get' only")
        }
        if case .put = action { return }
        if isTyped(type) { throw .usage("--type is for 'muster image put' only") }
    }
}
