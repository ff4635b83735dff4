internal import Glibc
internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterCore
internal import MusterRole
internal import MusterSystem
internal import MusterWire

/// `muster open`.
enum OpenCommand {
    static let isPrinted = Flag<Bool>.bool("print", "Print the link, whether there is a browser or not.")

    static let command = Command(
        name: "open", summary: "open the dashboard in the browser, signed in",
        description: [
            "Opens the browser that the variable BROWSER names, or the desktop's own (xdg-open), which is signed in by that for "
                + "seven days. Where there is neither, or no display, it prints a link instead, which is good once, within ten minutes.",
            "The link's code is in no process's arguments, which everybody on a machine may read: what is opened is a page in a "
                + "file that only you may read. It is removed after 20 seconds, or as soon as the command is ended.",
        ],
        flags: [isPrinted.spec] + CommonFlags.client, exits: CommonFlags.clientExits,
        examples: [
            Command.Example("muster open", "The dashboard of this machine's fleet."),
            Command.Example("BROWSER=firefox muster open", "In this browser."),
        ], run: run)

    /// A browser that is started by this, on a slow machine, reads it within this time. Who looked at the file does not tell: what starts
    /// browsers looks at it, too.
    private static let pageLasts: Duration = .seconds(20)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let client = try CoordinatorClient(invocation)
        let answer = try await client.call("POST", "/v1/sign-in-links")
        if invocation[CommonFlags.json] { return try invocation.out.write(answer + [0x0A]) }
        let url: String
        do {
            url = client.url + (try SignInLink(body: answer)).path
        } catch {
            throw CommandError(.internalError, "the coordinator's link makes no sense: \(error.detail)")
        }
        let browsers = invocation[isPrinted] ? [] : BrowserWords.candidates(invocation.environment)
        for browser in browsers where await open(url, browser, invocation.environment) {
            return try invocation.out.line(
                "\(client.url) is open in the browser; if it shows no page, muster open --print gives a link")
        }
        try invocation.out.line(url)
    }

    /// Whether the browser took it.
    @MainActor private static func open(_ url: String, _ browser: BrowserWords, _ environment: [String: String]) async
        -> Bool
    {
        guard let page = RedirectPage(to: url, environment) else { return false }
        defer { page.remove() }
        let stop = Task {
            for await number in stopSignals() {
                page.remove()
                exit(128 + number)
            }
        }
        defer { stop.cancel() }
        guard let process = browser.start(opening: page.path) else { return false }
        let began = SystemTime.now()
        var status: Int32?
        // A browser that runs in the terminal has it until its end; others are there already, and what was started ends at once.
        while true {
            var found: Int32 = 0
            if status == nil, waitpid(process, &found, WNOHANG) == process { status = found }
            if let status, status != 0, !page.isRemoved { return false }
            if SystemTime.now() - began > pageLasts { page.remove() }
            if page.isRemoved, status != nil { return true }
            try? await Task.sleep(for: .milliseconds(50))
        }
    }
}

/// A program that opens a page, and its arguments.
struct BrowserWords: Hashable {
    /// `%s` in one of them stands for the page; else it comes last.
    var words: [String]

    /// What `BROWSER` lists, between colons; without it the desktop's own, where there is a display.
    static func candidates(_ environment: [String: String]) -> [BrowserWords] {
        let listed = (environment["BROWSER"] ?? "").split(separator: ":").map {
            BrowserWords(words: $0.split(separator: " ").map(String.init))
        }.filter { !$0.words.isEmpty }
        if !listed.isEmpty { return listed }
        let hasDisplay = ["DISPLAY", "WAYLAND_DISPLAY"].contains { environment[$0]?.isEmpty == false }
        return hasDisplay ? [BrowserWords(words: ["xdg-open"])] : []
    }

    func arguments(opening path: String) -> [String] {
        let page = "file://" + path
        let filled = words.map { $0.replacing("%s", with: page) }
        return filled == words ? words + [page] : filled
    }

    /// Nil: there is no such program.
    func start(opening path: String) -> pid_t? {
        let arguments = arguments(opening: path)
        var pointers = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var process: pid_t = 0
        return posix_spawnp(&process, arguments[0], nil, nil, &pointers, environ) == 0 ? process : nil
    }
}

/// A page in a file of this user's own, which leads on to a link: who reads arguments of processes finds the file's name there, and not
/// the link.
@MainActor final class RedirectPage {
    let path: String
    private(set) var isRemoved = false

    /// In the user's folder for what lives as long as a session (XDG base directories), or in one below /tmp. Nil: it cannot be written.
    init?(to url: String, _ environment: [String: String], temporary: String = "/tmp") {
        var folders = ["\(temporary)/muster-\(geteuid())"]
        if let runtime = environment["XDG_RUNTIME_DIR"], runtime.hasPrefix("/") {
            folders.insert(runtime + "/muster", at: 0)
        }
        let name = "open-\(UInt64.random(in: 0 ... .max)).html"
        for folder in folders {
            do throws(NodeError) {
                try makeOwnDirectory(folder)
                // Who owns the folder can put another page in this one's place, root's too.
                var owner = stat()
                guard lstat(folder, &owner) == 0, owner.st_uid == geteuid() else { continue }
                try writePrivately(Self.html(url), to: "\(folder)/\(name)")
                path = "\(folder)/\(name)"
                return
            } catch {
                continue
            }
        }
        return nil
    }

    nonisolated static func html(_ url: String) -> String {
        let text = url.replacing("&", with: "&amp;").replacing("\"", with: "&quot;").replacing("<", with: "&lt;")
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>Muster</title><meta name="referrer" content="no-referrer">
            <meta http-equiv="refresh" content="0; url=\(text)"></head>
            <body><p><a href="\(text)">To the dashboard</a></p></body></html>

            """
    }

    func remove() {
        guard !isRemoved else { return }
        isRemoved = true
        unlink(path)
    }
}
