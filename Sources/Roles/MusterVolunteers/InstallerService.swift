internal import MusterCrypto
internal import MusterHTTP
package import MusterJoining
internal import MusterRole
package import MusterRoutes
package import MusterServices
internal import MusterSystem
internal import MusterWire

/// The installer, and what it installs.
package final class InstallerService: Service {
    private let authenticator: Authenticator
    private let listener: Listener
    /// What volunteers get; nil without `--volunteers`.
    private let volunteers: VolunteerDesk?
    private let version: String

    package init(_ common: Common, listener: Listener, volunteers: VolunteerDesk?, version: String) {
        (authenticator, self.listener) = (common.authenticator, listener)
        (self.volunteers, self.version) = (volunteers, version)
    }

    package var routes: [RouteName: RouteHandler] {
        [
            .install: { [unowned self] in try install($0) },
            .volunteerImage: { [unowned self] in try volunteerFile(.image, $0) },
            .volunteerImageChecksum: { [unowned self] _ in try volunteerChecksum(.image) },
            .volunteerArchive: { [unowned self] in try volunteerFile(.archive, $0) },
            .volunteerArchiveChecksum: { [unowned self] _ in try volunteerChecksum(.archive) },
        ]
    }

    private func desk() throws(Problem) -> VolunteerDesk {
        guard let volunteers else {
            throw Problem(
                404, "This coordinator takes no volunteers; its operator may start it with --volunteers.",
                code: "volunteers")
        }
        return volunteers
    }

    func install(_ request: HTTPRequest) throws -> HTTPOutcome {
        let desk = try desk()
        let circle = AddressCircle.name(of: request.peer.address)
        if let seconds = desk.mayFetch(circle) {
            throw Problem(
                429, "The installer was fetched too often within these ten seconds.", retryAfter: seconds,
                limit: .installerFetches)
        }
        guard
            let url = listener.toldURL ?? PublicURL.of(host: request.header("host"), isTLS: listener.isTLS)
        else {
            throw Problem(400, "The Host \"\((request.header("host") ?? "").prefix(80))\" is no host and port.")
        }
        guard !url.utf8.contains(where: { $0 <= 0x20 || $0 == UInt8(ascii: "'") || $0 >= 0x7F }) else {
            throw Problem(500, "The address given by --advertise cannot stand in a script.")
        }
        // HEAD is no fetch: whoever looks gets no token.
        let token =
            request.method == "HEAD"
            ? "" : authenticator.volunteers.invite(nowMs: SystemTime.wallClockMs(), circle: circle)
        let text = InstallScript.text(url: url, token: token, version: version)
        return .respond(
            HTTPResponse(
                status: 200,
                headers: [("Content-Type", "text/x-shellscript; charset=utf-8"), ("Cache-Control", "no-store")],
                body: .bytes(Array(text.utf8))))
    }

    func volunteerFile(_ good: VolunteerGood, _ request: HTTPRequest) throws -> HTTPOutcome {
        let desk = try desk()
        return .task {
            let file = try await desk.file(good)
            let type = good == .image ? "application/x-tar" : "application/gzip"
            return file.answer(type: type, isHead: request.method == "HEAD")
        }
    }

    func volunteerChecksum(_ good: VolunteerGood) throws -> HTTPOutcome {
        let desk = try desk()
        return .task {
            .text("\(hex(try await desk.file(good).checksum))  \(good.rawValue)\n")
        }
    }
}
