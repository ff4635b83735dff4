internal import Glibc
internal import MusterAPI
package import MusterCommandLine
internal import MusterWire

/// What somebody types at the menu.
enum ImageMenuChoice: Hashable, Sendable {
    case getImage, getImageSize, quit

    /// Nil: it is none of the choices. Spaces around it and its case mean nothing.
    init?(_ line: String) {
        switch line.split(separator: " ").joined(separator: " ").lowercased() {
        case "1", "get_image": self = .getImage
        case "2", "get_image_size": self = .getImageSize
        case "0", "q", "quit", "exit": self = .quit
        default: return nil
        }
    }
}

/// `muster image` without an action: a numbered menu, on a terminal or through a pipe.
@MainActor package struct ImageMenu {
    private let invocation: Invocation
    private let client: ImageClient
    private let unfinished: UnfinishedFile

    private static let text = """
          1  get_image
          2  get_image_size
          q  quit

        """

    package init(_ invocation: Invocation, _ client: ImageClient, _ unfinished: UnfinishedFile) {
        (self.invocation, self.client, self.unfinished) = (invocation, client, unfinished)
    }

    /// Until the end of standard input, or until it is told to quit. What fails is said, and the menu goes on.
    package func run() async throws {
        let input = StandardInput()
        while true {
            try say(Self.text + "choice: ")
            guard let line = try next(input) else { break }
            guard let choice = ImageMenuChoice(line) else {
                try say("\(CommandError.quoted(line)) is no choice: type 1, 2 or q\n")
                continue
            }
            if choice == .quit { return }
            try say("image id: ")
            guard let text = try next(input) else { break }
            do {
                try show(await report(choice, ImageAction.imageID(text.filter { $0 != " " })))
            } catch let error as CommandError {
                try say(error.message + "\n")
            }
        }
        try say("\n")
    }

    /// What a terminal echoes is shown for a pipe, too: the transcript then reads the same.
    private func next(_ input: StandardInput) throws -> String? {
        let line = input.next()
        if let line, isatty(STDIN_FILENO) == 0 { try say(line + "\n") }
        return line
    }

    private func report(_ choice: ImageMenuChoice, _ image: ImageID) async throws -> ImageReport {
        guard choice == .getImage else { return try await client.size(of: image) }
        return try await ImageDownload(client, invocation, image, to: nil, unfinished: unfinished).run()
    }

    private func show(_ report: ImageReport) throws {
        guard invocation[CommonFlags.json] else { return try say(report.line + "\n") }
        try invocation.out.write(report.json + [0x0A])
        try invocation.out.flush()
    }

    /// On standard output, unless that is for JSON only.
    private func say(_ text: String) throws {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { Terminal.clean(String($0)) }
        let clean = lines.joined(separator: "\n")
        guard !invocation[CommonFlags.json] else { return invocation.terminal.write(clean) }
        try invocation.out.write(clean)
        try invocation.out.flush()
    }
}

/// Standard input line by line. Reading blocks the main thread, which has nothing else to do.
@MainActor final class StandardInput {
    private var buffer: [UInt8] = []
    private var isAtEnd = false
    /// Of a longer line only so much is handed out.
    private static let lineBytesMax = 4096

    /// The next line without its end; nil when there is none.
    func next() -> String? {
        var line: [UInt8] = []
        while true {
            let end = buffer.firstIndex(of: 0x0A)
            line += buffer[..<(end ?? buffer.endIndex)].prefix(Self.lineBytesMax - line.count)
            buffer.removeFirst(end.map { $0 + 1 } ?? buffer.count)
            if end != nil { break }
            if isAtEnd {
                if line.isEmpty { return nil }
                break
            }
            fill()
        }
        if line.last == 0x0D { line.removeLast() }
        return String(decoding: line, as: UTF8.self)
    }

    private func fill() {
        var piece = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(STDIN_FILENO, &piece, piece.count)
            if count > 0 {
                buffer += piece[..<count]
                return
            }
            if count < 0, errno == EINTR { continue }
            guard count < 0, errno == EAGAIN else {
                isAtEnd = true
                return
            }
            var ready = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            poll(&ready, 1, -1)
        }
    }
}
