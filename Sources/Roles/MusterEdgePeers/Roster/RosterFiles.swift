internal import MusterElection
internal import MusterLog
internal import MusterRole
internal import MusterSystem

/// What a roster keeps on the disk.
struct RosterFiles: Sendable {
    private let directory: String
    private let threads: ThreadPool

    init(directory: String, threads: ThreadPool) { (self.directory, self.threads) = (directory, threads) }

    // MARK: Terms

    /// `done` is called once it is durable; never, if that fails.
    func keep(_ term: Term, _ done: @escaping @Sendable () -> Void) {
        let path = Self.termPath(directory)
        let failure = threads.run {
            do throws(NodeError) {
                try writePrivately("\(term)\n", to: path)
                done()
            } catch {
                Log.error("this edge cannot lead: its term cannot be stored", ["reason": error.message])
            }
        }
        if failure != 0 { Log.error("this edge cannot lead: no thread to store its term") }
    }

    private static func termPath(_ directory: String) -> String { directory + "/term" }

    func storedTerm() throws(NodeError) -> Term {
        let path = Self.termPath(directory)
        guard let bytes = try readWhole(path, bytesMax: 64) else { return .zero }
        let text = String(decoding: bytes.filter { $0 > 0x20 }, as: UTF8.self)
        guard let term = UInt64(text).flatMap({ Term(rawValue: $0) }) else {
            throw NodeError(.files, "\(path) holds \"\(text)\", which is no term; remove it to begin anew")
        }
        return term
    }

    // MARK: Having met others

    /// An edge that others know of, and that was told of none itself, may have missed something, too.
    func keepHasMet() {
        let path = directory + "/met"
        _ = threads.run { try? writeDirectly([], to: path) }
    }

    static func hasMet(in directory: String) throws(NodeError) -> Bool {
        try readWhole(directory + "/met", bytesMax: 64) != nil
    }
}
