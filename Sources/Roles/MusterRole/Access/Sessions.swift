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

    private let key: MessageKey
    /// Cookies are a host's, whatever the port: each fleet has a name of its own.
    let cookieName: String
    package let links = SignInLinks()

    init(key: MessageKey) {
        self.key = key
        cookieName = FleetCookies.namePrefix + key.tag(of: "cookie").prefix(8)
    }

    /// A `Set-Cookie` for a browser that comes in now.
    package func cookie(nowMs: Int64, isTLS: Bool) -> String {
        let start = "\(nowMs + Int64(Self.seconds) * 1_000).\(hex(randomBytes(16)))"
        let value = "\(start).\(key.tag(of: "session \(start)"))"
        return "\(cookieName)=\(value); Path=/; Max-Age=\(Self.seconds); HttpOnly; SameSite=Strict"
            + (isTLS ? "; Secure" : "")
    }

    /// Whether one of a request's cookies is good now.
    func hold(_ request: HTTPRequest) -> Bool {
        let lines = request.headers.filter { $0.name.lowercased() == "cookie" }.map(\.value)
        return !lines.isEmpty && hold(lines, nowMs: SystemTime.wallClockMs())
    }

    func hold(_ lines: [String], nowMs: Int64) -> Bool {
        for line in lines {
            for case (let name, let value)? in CookiePairs.split(line).map(CookiePairs.parts) where name == cookieName {
                if isGood(value, nowMs) { return true }
            }
        }
        return false
    }

    private func isGood(_ value: Substring, _ nowMs: Int64) -> Bool {
        let parts = value.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let endMs = Int64(parts[0]), nowMs < endMs else { return false }
        return equalInConstantTime(String(parts[2]), key.tag(of: "session \(parts[0]).\(parts[1])"))
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
