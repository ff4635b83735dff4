internal import MusterAPI
internal import MusterCore
internal import MusterHTTP
internal import MusterRole
package import MusterRoutes
package import MusterServices
internal import MusterWire

/// The dashboard: its frame for whoever is signed in, its files, and the overview for browsers that run no script.
package final class WindowService: Service {
    private let authenticator: Authenticator
    private let overview: OverviewService
    private let version: String

    package init(_ common: Common, overview: OverviewService, version: String) {
        (authenticator, self.overview, self.version) = (common.authenticator, overview, version)
    }

    package var routes: [RouteName: RouteHandler] {
        [
            .dashboard: { [unowned self] in try dashboard($0) },
            .explorer: { _ in .respond(WindowFiles.explorer) },
            .windowFile: { try Self.file($0) },
            .plainOverview: { [unowned self] _ in
                .task { WindowFiles.page(PlainPage.html(try await self.overview.recent())) }
            },
        ]
    }

    private func dashboard(_ request: HTTPRequest) throws -> HTTPOutcome {
        var complaint: String?
        do throws(Problem) {
            switch try authenticator.visitor(of: request) {
            case .admin: return .respond(WindowFiles.dashboard(mayAct: true, version: version))
            case .read: return .respond(WindowFiles.dashboard(mayAct: false, version: version))
            default: break
            }
            if try request.queryText("wrong") == "token" {
                complaint = "That is neither the admin nor the read token of this fleet."
            }
        } catch {
            complaint = error.detail
        }
        return .respond(WindowFiles.page(SignInPage.html(complaint: complaint)))
    }

    private static func file(_ request: HTTPRequest) throws -> HTTPOutcome {
        let name = request.parameters["name"] ?? ""
        guard let answer = WindowFiles.answer(name, ifNoneMatch: request.header("if-none-match")) else {
            throw Problem(404, "The dashboard has no file \"\(name.prefix(80))\".")
        }
        return .respond(answer)
    }
}
