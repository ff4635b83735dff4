internal import MusterAPI
internal import MusterCore
internal import MusterHTTP
internal import MusterLog
internal import MusterRole
internal import MusterRoutes
internal import MusterServices
internal import MusterSystem
internal import MusterWindow
internal import MusterWire
internal import Synchronization

/// How a browser comes in, by a link, once, or by a token, for a cookie; and how it goes.
final class SignInService: Service {
    private let authenticator: Authenticator
    private let isTLS: Bool
    /// Whoever guesses tokens fills no disk with the lines that tell of it.
    private let refusals = Mutex(LinePace(.seconds(60)))

    init(_ common: Common, isTLS: Bool) { (authenticator, self.isTLS) = (common.authenticator, isTLS) }

    var routes: [RouteName: RouteHandler] {
        [
            .createSignInLink: { [unowned self] _ in createSignInLink() },
            .signIn: { [unowned self] in try signIn($0) },
            .signInByToken: { [unowned self] in try signInByToken($0) },
            .signOut: { [unowned self] in try signOut($0) },
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
        let cookie = authenticator.sessions.cookie(nowMs: SystemTime.wallClockMs(), isTLS: isTLS)
        return .respond(
            WindowFiles.page(
                SignInPage.welcome(days: Sessions.seconds / 86_400), headers: [("Set-Cookie", cookie)]))
    }

    /// A form of this server's own. Whatever comes of it, the dashboard tells.
    private func signInByToken(_ request: HTTPRequest) throws -> HTTPOutcome {
        try authenticator.requireOwnPage(request)
        let token = request.form.first { $0.name == "token" }?.value ?? ""
        guard let rights = authenticator.browserRights(token: token) else {
            tellOfRefusal(request.peer.address)
            return .respond(WindowFiles.leading(to: "/?wrong=token"))
        }
        Log.notice("a browser signed in", ["from": request.peer.address, "rights": "\(rights)"])
        let cookie = authenticator.sessions.cookie(
            nowMs: SystemTime.wallClockMs(), isTLS: isTLS, mayAct: rights == .admin)
        return .respond(WindowFiles.leading(to: "/", cookie: cookie))
    }

    /// In the log at once, then once a minute, with how many there were since.
    private func tellOfRefusal(_ address: String) {
        guard let count = refusals.withLock({ $0.happened(SystemTime.now()) }) else { return }
        Log.notice("a browser was not let in", ["times": "\(count)", "from": address])
    }

    private func signOut(_ request: HTTPRequest) throws -> HTTPOutcome {
        try authenticator.requireOwnPage(request)
        return .respond(WindowFiles.leading(to: "/", cookie: authenticator.sessions.goodbye(isTLS: isTLS)))
    }
}
