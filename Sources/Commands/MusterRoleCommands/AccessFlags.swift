internal import Glibc
internal import MusterCommandLine
internal import MusterCore
internal import MusterRole

/// Flags about who may do what, of whatever listens.
enum AccessFlags {
    static let readToken = Flag<String?>.text(
        "read-token-file", "FILE", as: .file,
        "A file with the read token: who shows it may look, at /metrics of every role too. Nobody else may be able to read it."
    ).defaulting(to: "a token made at the first start, kept in the data directory")
    static let hostName = Flag<String?>.text(
        "host-name", "NAME,…", as: .text(bytesMax: 4_096, suggestions: []),
        "Names by which this server is called, where a caller shows no token: a request under another name with a dot in it "
            + "is refused, as a web page's may be."
    ).defaulting(to: "its addresses, the machine's own name, and names that the public DNS never has")
    static let callbackNetworks = Flag<String?>.text(
        "callback-networks", "NET,…", as: .text(bytesMax: 4_096, suggestions: []),
        "Where members may be called that gave an address of theirs, such as 10.0.0.0/8,192.168.1.7. Never among them: "
            + "169.254.0.0/16 and where else clouds tell a machine its secrets."
    ).defaulting(to: "the private networks that this machine's own interfaces are on")

    /// Throws a `CommandError` for a file that cannot be read, or that others may read.
    @MainActor static func readToken(_ invocation: Invocation) throws(CommandError) -> String? {
        guard let path = invocation[readToken] else { return nil }
        do throws(NodeError) {
            return try TokenStore.readNamed(path)
        } catch {
            throw CommandError(.noInput, "--read-token-file: \(error.message)")
        }
    }

    @MainActor static func hostNames(_ invocation: Invocation) throws(CommandError) -> Set<String> {
        guard let list = invocation[hostName] else { return [] }
        guard let names = MusterRole.hostNames(ofList: list) else {
            throw .usage(
                "--host-name: \(CommandError.quoted(list)) is no list of names such as fleet.example.org,fleet")
        }
        return names
    }

    @MainActor static func networks(_ invocation: Invocation) throws(CommandError) -> CallbackNetworks? {
        guard let list = invocation[callbackNetworks] else { return nil }
        do throws(CallbackNetworks.NotANetwork) {
            return try CallbackNetworks(list: list)
        } catch {
            throw .usage("--callback-networks: \(CommandError.quoted(error.text)) is no network such as 10.0.0.0/8")
        }
    }

    /// Tells of a token that was made just now: where it is, and itself to a person at a terminal, never into a log.
    @MainActor static func tell(_ tokens: TokenStore, in directory: String, _ invocation: Invocation) throws {
        guard tokens.adminIsNew else { return }
        let path = TokenStore.adminPath(in: directory)
        try invocation.out.line(
            isatty(STDOUT_FILENO) == 1 ? "admin token \(tokens.admin) (kept in \(path))" : "admin token in \(path)")
    }
}
