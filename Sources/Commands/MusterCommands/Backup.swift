internal import Glibc
internal import MusterClient
internal import MusterCommandLine
internal import MusterCrypto
internal import MusterHTTPClient

/// `muster backup FILE`.
enum BackupCommand {
    static let file = Positional<String>.text("FILE", "The file to make, or - for standard output.")

    static let command = Command(
        name: "backup", summary: "copy the coordinator's store into a file, while it runs",
        description: [
            "The copy is all that was acknowledged when it was begun: jobs, inputs, results, votes, members, commands, children and "
                + "their numbers. 'muster restore' makes a coordinator of it. Images are in the origin's own folder, and not in it.",
            "It holds the fleet's key and tokens: who has it has the fleet. A new file is for its owner only (mode 0600). A file that is "
                + "there is replaced once the new one is whole. The number printed last is its SHA-256, to be compared by whoever "
                + "carries it elsewhere.",
        ],
        positionals: [file.spec], flags: CommonFlags.client,
        exits: CommonFlags.clientExits + [
            Command.Exit(.cannotCreate, "The file cannot be made."),
            Command.Exit(.inputOutput, "It cannot be written, or the coordinator broke off: there is no new file."),
        ],
        examples: [
            Command.Example("muster backup /srv/backup/fleet.backup", "Once."),
            Command.Example("muster backup - | ssh box 'cat > fleet.backup'", "To another machine."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let client = try CoordinatorClient(invocation)
        let given = invocation[file]
        let unfinished = UnfinishedFile()
        let stream = try await client.open("/v1/backup")
        defer { stream.cancel() }
        let new = try NewFile(given, mode: 0o600)
        unfinished.set(new)
        let ending = Task { for await _ in stopSignals() { unfinished.exitDiscarding(ExitCode.temporary.rawValue) } }
        defer { ending.cancel() }
        let total = stream.header("Content-Length").flatMap { Int($0) }
        let (bytes, digest) = try await receive(stream, into: new, total: total, invocation)
        try new.keep()
        if given == "-" { return invocation.note("\(Format.bytes(bytes)), SHA-256 \(digest)") }
        try invocation.out.line("\(given): \(Format.bytes(bytes)), SHA-256 \(digest)")
    }

    @MainActor private static func receive(
        _ stream: HTTPClientStream, into new: NewFile, total: Int?, _ invocation: Invocation
    ) async throws -> (bytes: Int, digest: String) {
        let bar = invocation.progress("backup", total: total)
        defer { bar.finish() }
        let digest = SHA256()
        var bytes = 0
        do {
            while let piece = try await stream.next() {
                try new.write(piece)
                digest.update(piece)
                bytes += piece.count
                bar.update(done: bytes)
            }
        } catch let error as HTTPClientError {
            throw CommandError(
                .inputOutput, "the coordinator broke off after \(bytes) bytes: \(error.reason); repeat it")
        }
        if let total, bytes != total {
            throw CommandError(.inputOutput, "\(bytes) bytes came of \(total); repeat it")
        }
        return (bytes, hex(digest.finish()))
    }
}
