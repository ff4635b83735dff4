package import MusterCommandLine
internal import MusterRole

/// The token that a command shows, and where it comes from.
package struct ShownToken {
    enum Source: Hashable, Sendable {
        case flag, variable
        /// `MUSTER_TOKEN_FILE`.
        case named(path: String)
        /// Of a file of settings, or of a file that it names.
        case settings(place: String)
        /// Of a data folder, or of a fleet of this user's that runs.
        case found(path: String)
    }
    package let text: String
    let source: Source

    /// The given one; else that of a fleet that this user runs at this URL, or ran on this data folder; nil: there is none. Throws
    /// for a file of tokens that others may read.
    @MainActor package init?(_ invocation: Invocation, for url: String, data: String, isFound: Bool)
        throws(CommandError)
    {
        if let given = invocation[CommonFlags.token] {
            let name = CommonFlags.token.spec.name
            text = given
            if let place = invocation.arguments.fromSettings[name] {
                source = .settings(place: place)
                return
            }
            let isVariable = invocation.arguments.fromEnvironment.contains(name)
            source =
                !isVariable
                ? .flag : invocation.environment[TokenFile.source].map { .named(path: $0) } ?? .variable
            return
        }
        guard isFound else { return nil }
        if let entry = OwnerPlace(invocation.environment).entry(for: url) {
            (text, source) = (entry.token, .found(path: entry.path))
            return
        }
        do throws(NodeError) {
            guard let kept = try TokenStore.readAdmin(inData: data) else { return nil }
            (text, source) = (kept, .found(path: TokenStore.adminPath(in: data + "/coordinator")))
        } catch {
            throw CommandError(error)
        }
    }

    var sourceText: String {
        switch source {
        case .flag: "the token of --token"
        case .variable: "the token of the variable MUSTER_TOKEN"
        case .named(let path): "the token in \(path), which \(TokenFile.variable) names"
        case .settings(let place): "the token in \(place)"
        case .found(let path): "the token in \(path)"
        }
    }

    /// What a coordinator says to a token that is nobody's, or to none, in the words of a command.
    static func refusal(_ shown: ShownToken?, by url: String, entry: OwnerPlace.Entry?) -> String {
        let place =
            entry.map { "the fleet's own is in \($0.path)" }
            ?? "the fleet's own is in coordinator/admin.token of the data folder (--data) that the coordinator runs on"
        guard let shown else {
            return
                "\(url) wants a token, and none was found: set MUSTER_TOKEN, or MUSTER_TOKEN_FILE to a file that holds it; \(place)"
        }
        return "\(url) does not know \(shown.sourceText); \(place)"
    }
}
