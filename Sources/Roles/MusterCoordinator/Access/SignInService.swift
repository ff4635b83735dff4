internal import MusterAPI
internal import MusterHTTP
internal import MusterLog
internal import MusterRole
internal import MusterRoutes
internal import MusterServices
internal import MusterSystem
internal import MusterWire

/// How a browser comes in: by a link, once, for a cookie.
final class SignInService: Service {
    private let authenticator: Authenticator
    private let isTLS: Bool

    init(_ common: Common, isTLS: Bool) { (authenticator, self.isTLS) = (common.authenticator, isTLS) }

    var routes: [RouteName: RouteHandler] {
        [
            .createSignInLink: { [unowned self] _ in createSignInLink() },
            .signIn: { [unowned self] in try signIn($0) },
        ]
    }

    /// A new link's path.
    func newLink() -> String { authenticator.sessions.links.make() }

    func createSignInLink() -> HTTPOutcome {
        let link = SignInLink(path: newLink(), seconds: Sessions.linkSeconds)
        return .respond(.json(link.body, status: 201))
    }

    func signIn(_ request: HTTPRequest) throws -> HTTPOutcome {
        try authenticator.requireOwnMachine(request)
        guard request.method == "GET" else {
            throw Problem(403, "HEAD opens no link, and does not use it up; GET does.", code: "link")
        }
        guard let code = try request.queryText("code") else {
            throw Problem(
                422, "\"code\" is missing: open the whole link, as 'muster sign-in' prints it.", code: "field")
        }
        guard authenticator.sessions.links.use(code) else {
            throw Problem(
                403, "This link was used already, or is too old; 'muster sign-in' prints another.", code: "link")
        }
        Log.notice("a browser signed in", ["from": request.peer.address])
        let cookie = authenticator.sessions.cookie(
            nowMs: SystemTime.wallClockMs(), isTLS: isTLS)
        let text =
            "This browser is signed in to the fleet for \(Sessions.seconds / 86_400) days. /openapi.json lists what there is.\n"
        return .respond(
            HTTPResponse(
                status: 200,
                headers: [
                    ("Content-Type", "text/plain; charset=utf-8"), ("Set-Cookie", cookie),
                    ("Cache-Control", "no-store"),
                    ("Referrer-Policy", "no-referrer"),
                ], body: .bytes(Array(text.utf8))))
    }
}
