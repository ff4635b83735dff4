internal import MusterAPI
internal import MusterHTTP
internal import MusterJoining
internal import MusterRole
internal import Synchronization

extension Coordinator {
    /// Every route of the table with its handler; the table says who may call it and how large a body may be.
    func routes() -> [HTTPRoute] {
        RouteTable.all.map(route)
    }

    private func route(_ spec: RouteSpec) -> HTTPRoute {
        if spec.name == .healthz {
            return HTTPRoute(spec.method, spec.pattern, access: spec.name.rawValue, prepared: RoleRoutes.healthz)
        }
        let handler = handler(for: spec.name)
        let queryNames = spec.queryNames
        let route = HTTPRoute(
            spec.method, spec.pattern, bodyBytesMax: spec.bodyBytesMax, access: spec.name.rawValue,
            readsForm: spec.readsForm
        ) { request in
            try request.refuseQuery(otherThan: queryNames)
            return try handler(request)
        }
        return spec.isSignOfLife ? route.asSignOfLife : route
    }

    private func handler(for name: RouteName) -> @Sendable (HTTPRequest) throws -> HTTPOutcome {
        switch name {
        case .createJob: { [unowned self] in try createJob($0) }
        case .assignAll: { [unowned self] in try assignAll($0) }
        case .listJobs: { [unowned self] in try listJobs($0) }
        case .job: { [unowned self] in try getJob($0) }
        case .cancelJob: { [unowned self] in try cancelJob($0) }
        case .jobTasks: { [unowned self] in try listTasks($0) }
        case .retryJob: { [unowned self] in try retryJob($0) }
        case .jobEvents: { [unowned self] in try streamJobEvents($0) }
        case .jobResults: { [unowned self] in try streamResults($0) }
        case .events: { [unowned self] _ in try .respond(.eventStream(events.open())) }
        case .joinFleet: { [unowned self] in try joinFleet($0) }
        case .members: { [unowned self] _ in listMembers(liveWorkersOnly: false) }
        case .member: { [unowned self] in try getMember($0) }
        case .leaveFleet: { [unowned self] in try leaveFleet($0) }
        case .drainMember: { [unowned self] in try drainMember($0) }
        case .heartbeat: { [unowned self] in try heartbeat($0) }
        case .memberStream: { [unowned self] in try streamMember($0) }
        case .servers: { [unowned self] _ in listMembers(liveWorkersOnly: true) }
        case .picture: { [unowned self] in try getPicture($0) }
        case .tile: { [unowned self] in try getTile($0) }
        case .getServers: { [unowned self] _ in classicServers() }
        case .proxConnected: { [unowned self] in try classicSignUp($0) }
        case .getMbrot: { [unowned self] in try classicPicture($0) }
        case .sendCommand: { [unowned self] in try sendCommand($0) }
        case .commands: { [unowned self] in try listCommands($0) }
        case .command: { [unowned self] in try getCommand($0) }
        case .assignRank: { [unowned self] in try assignRank($0) }
        case .unassignRank: { [unowned self] in try unassignRank($0) }
        case .classicCommand: { [unowned self] in try classicCommand($0) }
        case .createChild, .createChildren: { [unowned self] in try createChildren($0) }
        case .children: { [unowned self] in try listChildren($0) }
        case .cancelChild: { [unowned self] in try cancelChild($0) }
        case .childNumbers: { [unowned self] in try takeNumbers($0) }
        case .ownChild: { [unowned self] in try takeOwnNumbers($0) }
        case .progress: { [unowned self] _ in progress() }
        case .scale: { [unowned self] in try scaleWorkers($0) }
        case .leases: { [unowned self] in try askForWork($0) }
        case .results: { [unowned self] in try deliver($0) }
        case .createToken: { [unowned self] in try createToken($0) }
        case .tokens: { [unowned self] _ in listTokens() }
        case .revokeToken: { [unowned self] in try revokeToken($0) }
        case .machines: { [unowned self] _ in listMachines() }
        case .createSignInLink: { [unowned self] _ in createSignInLink() }
        case .signIn: { [unowned self] in try signIn($0) }
        case .joinCommand: { [unowned self] _ in offerToJoin() }
        case .program: { [unowned self] in try giveProgram($0) }
        case .install: { [unowned self] in try install($0) }
        case .ownToken: { _ in .respond(.json(Array("{\"status\":\"good\"}".utf8))) }
        case .volunteerImage: { [unowned self] in try volunteerFile(.image, $0) }
        case .volunteerImageChecksum: { [unowned self] _ in try volunteerChecksum(.image) }
        case .volunteerArchive: { [unowned self] in try volunteerFile(.archive, $0) }
        case .volunteerArchiveChecksum: { [unowned self] _ in try volunteerChecksum(.archive) }
        case .backup: { [unowned self] _ in giveBackup() }
        case .healthz: { _ in .respond(HTTPResponse(status: 200, body: .prepared(RoleRoutes.healthz))) }
        case .readyz: { [unowned self] _ in readyz() }
        case .metrics: { [unowned self] _ in metricsPage() }
        case .openapi:
            RoleRoutes.openapi(
                of: RouteTable.all, role: "coordinator", version: configuration.version, access: configuration.access)
        }
    }

    private func readyz() -> HTTPOutcome {
        if let trouble = health.trouble {
            return .respond(
                .problem(Problem(503, "The store refuses writes: \(trouble)", code: "store", retryAfter: 5)))
        }
        return readiness.answer()
    }
}

extension HTTPRequest {
    /// A positive number in the path, or a 404: what is not a number names nothing.
    func number(_ parameter: String, of what: String) throws(Problem) -> Int64 {
        let text = parameters[parameter] ?? ""
        guard let number = Int64(text), number > 0, String(number) == text else {
            throw Problem(404, "There is no \(what) \"\(text.prefix(80))\"; ids are whole numbers from 1.")
        }
        return number
    }
}
