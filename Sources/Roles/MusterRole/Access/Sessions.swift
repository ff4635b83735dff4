package import MusterCore
internal import MusterCrypto
internal import MusterHTTP
internal import MusterSystem
internal import Synchronization

/// Browsers that came in by a link: each has a cookie with an end and a code under the coordinator's key. It needs no room here
/// and outlives restarts.
package struct Sessions: Sendable {
    /// So long a browser stays in.
    package static let seconds = 7 * 86_400
    /// So long a link may wait for its browser.
    package static let linkSeconds = 600

    /// New where the fleet's tokens are: who changes those lets nobody in who came before.
    private let key: MessageKey
    /// Cookies are a host's, whatever the port: each fleet has a name of its own.
    let cookieName: String
    package let links = SignInLinks()

    init(key: MessageKey, tokens: [String] = []) {
        self.key =
            tokens.isEmpty
            ? key : MessageKey(bytes: key.code(of: Array("sessions \(tokens.joined(separator: " "))".utf8)))
        cookieName = FleetCookies.namePrefix + key.tag(of: "cookie").prefix(8)
    }

    /// A `Set-Cookie` for a browser that comes in now, to do everything or only to look.
    package func cookie(nowMs: Int64, isTLS: Bool, mayAct: Bool = true) -> String {
        let start = "\(nowMs + Int64(Self.seconds) * 1_000).\(hex(randomBytes(16)))"
        return setting("\(start).\(code(of: start, mayAct: mayAct))", seconds: Self.seconds, isTLS: isTLS)
    }

    /// The `Set-Cookie` by which a browser forgets it.
    package func goodbye(isTLS: Bool) -> String { setting("", seconds: 0, isTLS: isTLS) }

    private func setting(_ value: String, seconds: Int, isTLS: Bool) -> String {
        "\(cookieName)=\(value); Path=/; Max-Age=\(seconds); HttpOnly; SameSite=Strict" + (isTLS ? "; Secure" : "")
    }

    private func code(of start: String, mayAct: Bool) -> String {
        key.tag(of: (mayAct ? "session " : "looking session ") + start)
    }

    /// Whose cookie a request has that is good now: an admin's, or one who may read; nil: nobody's.
    func principal(of request: HTTPRequest) -> Principal? {
        let lines = request.headers.filter { $0.name.lowercased() == "cookie" }.map(\.value)
        return lines.isEmpty ? nil : principal(of: lines, nowMs: SystemTime.wallClockMs())
    }

    func principal(of lines: [String], nowMs: Int64) -> Principal? {
        for line in lines {
            for case (let name, let value)? in CookiePairs.split(line).map(CookiePairs.parts) where name == cookieName {
                if let found = principal(value, nowMs) { return found }
            }
        }
        return nil
    }

    private func principal(_ value: Substring, _ nowMs: Int64) -> Principal? {
        let parts = value.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let endMs = Int64(parts[0]), nowMs < endMs else { return nil }
        let (start, shown) = ("\(parts[0]).\(parts[1])", String(parts[2]))
        // Each is compared, so that time tells nothing.
        let (acts, looks) = (
            equalInConstantTime(shown, code(of: start, mayAct: true)),
            equalInConstantTime(shown, code(of: start, mayAct: false))
        )
        return acts ? .admin : looks ? .read : nil
    }
}

/// Links by which a browser comes in, each once.
package final class SignInLinks: Sendable {
    /// So many wait at one time; the oldest is forgotten for another.
    static let waitingMax = 16

    private let waiting = Mutex<[(code: String, until: Moment)]>([])

    /// Path and query of a new one.
    package func make(now: Moment = SystemTime.now()) -> String {
        let code = hex(randomBytes(16))
        waiting.withLock { waiting in
            waiting.removeAll { $0.until <= now }
            if waiting.count >= Self.waitingMax { waiting.removeFirst() }
            waiting.append((code, now + .seconds(Sessions.linkSeconds)))
        }
        return "/sign-in?code=\(code)"
    }

    /// Whether there is such a link; it is none from now on.
    package func use(_ code: String, now: Moment = SystemTime.now()) -> Bool {
        waiting.withLock { waiting in
            // Each is compared, so that time tells nothing.
            let places = waiting.indices.filter { equalInConstantTime(waiting[$0].code, code) }
            guard let place = places.first else { return false }
            return waiting.remove(at: place).until > now
        }
    }
}
