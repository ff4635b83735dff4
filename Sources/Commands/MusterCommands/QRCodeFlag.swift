internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterQR
internal import MusterWire

/// `--qr`: what a command prints, for a camera, too.
enum QRCodeFlag {
    static func flag(_ summary: String) -> Flag<Bool> { Flag.bool("qr", summary) }

    /// Where another machine reaches the coordinator: a camera is part of one. Throws a `CommandError`.
    @MainActor static func othersURL(_ client: CoordinatorClient, _ invocation: Invocation) async throws -> String {
        guard CoordinatorClient.isLoopback(client.url) else { return client.url }
        let url: String
        do {
            url = try JoinOffer(body: await client.call("POST", "/v1/join-command?program=false")).url
        } catch let problem as Problem {
            throw CommandError(.internalError, "the coordinator's offer makes no sense: \(problem.detail)")
        }
        if CoordinatorClient.isLoopback(url) {
            invocation.note(JoinCommand.onlyHere(url) + ", or say --coordinator URL")
        }
        return url
    }

    /// Prints it to wherever standard output goes: who asks for it may want it in a file. Where lines of a terminal are shorter than the
    /// code's, says so instead: a code that is broken by a terminal is none.
    @MainActor static func show(_ text: String, _ invocation: Invocation) throws {
        guard let code = QRCode(text) else {
            return invocation.note("no QR code: \(text.utf8.count) bytes do not fit the largest one")
        }
        let drawing = drawing(invocation.environment)
        let columns = code.columns(drawing)
        if let width = Terminal.standardOutput(invocation.environment).cutWidth, width < columns {
            return invocation.note(
                "no QR code: it is \(columns) characters wide, and this terminal \(width). In a wider one, ask again.")
        }
        try invocation.out.write(code.lines(drawing))
    }

    /// By the first of the locale's variables that says something (POSIX, 8.2). One that names no set of characters, `C` or none at
    /// all, says nothing about the terminal: in containers, and over many connections, that is all there is.
    static func drawing(_ environment: [String: String]) -> QRCode.Drawing {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
        guard let point = locale.firstIndex(of: ".") else { return .halfBlocks }
        let charset = locale[locale.index(after: point)...].prefix { $0 != "@" }.lowercased()
        return charset == "utf-8" || charset == "utf8" ? .halfBlocks : .spaces
    }
}
