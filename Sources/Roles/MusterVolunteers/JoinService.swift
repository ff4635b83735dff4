package import MusterAPI
internal import MusterCrypto
internal import MusterHTTP
package import MusterJoining
package import MusterRole
package import MusterRoutes
package import MusterServices
internal import MusterWire

/// How machines that have nothing yet become workers of the fleet's own.
package final class JoinService: Service {
    private let tokens: TokenStore
    private let authenticator: Authenticator
    private let listener: Listener
    /// What other machines run to become workers or volunteers.
    private let program: ProgramArchive

    package init(_ common: Common, tokens: TokenStore, listener: Listener, program: ProgramArchive) {
        (self.tokens, authenticator) = (tokens, common.authenticator)
        (self.listener, self.program) = (listener, program)
    }

    package var routes: [RouteName: RouteHandler] {
        [
            .joinCommand: { [unowned self] in try offerToJoin($0) },
            .program: { [unowned self] in try giveProgram($0) },
        ]
    }

    func offerToJoin(_ request: HTTPRequest) throws -> HTTPOutcome {
        let hasProgram = try request.queryBool("program") ?? true
        return .task { [self] in
            var response = HTTPResponse.json(await joinOffer(hasProgram: hasProgram).body, status: 201)
            response.headers.append(("Cache-Control", "no-store"))
            return response
        }
    }

    /// Packs the program, if nobody did yet, which takes some seconds.
    package func joinOffer(hasProgram: Bool = true) async -> JoinOffer {
        var offer = JoinOffer(
            token: tokens.join, url: listener.othersURL, platform: InstallScript.platform, program: nil)
        guard hasProgram else { return offer }
        do {
            let file = try await program.file()
            offer.program = JoinOffer.Program(
                path: "/v1/program/\(authenticator.programCode)", sha256: hex(file.checksum), bytes: Int(file.size))
        } catch {
            offer.trouble = "\(error)"
        }
        return offer
    }

    /// Whoever was told the code: what it names has a checksum, which was told with it.
    func giveProgram(_ request: HTTPRequest) throws -> HTTPOutcome {
        guard equalInConstantTime(request.parameters["code"] ?? "", authenticator.programCode) else {
            throw Problem(
                404, "There is no such program here; 'muster join-command' tells where it is.", code: "program")
        }
        return .task { [program] in
            let file: VolunteerFile
            do { file = try await program.file() } catch {
                throw Problem(404, "This coordinator has no program to give: \(error)", code: "program")
            }
            return file.answer(type: "application/gzip", isHead: request.method == "HEAD")
        }
    }
}
