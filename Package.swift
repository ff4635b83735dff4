// swift-tools-version: 6.2
// Targets from top to bottom; arrows point down only. ARCHITECTURE.md says what each room holds.
import PackageDescription

let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// A library on a floor: a folder of Sources/, whose order RepositoryTests holds.
func room(
    _ floor: String, _ name: String, _ dependencies: [Target.Dependency] = [], embedded: [String] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/\(floor)/\(name)",
        resources: embedded.map { .embedInCode($0) }, swiftSettings: strict)
}

func program(_ name: String, _ dependencies: [Target.Dependency], path: String) -> Target {
    .executableTarget(name: name, dependencies: dependencies, path: path, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

func shim(_ name: String, _ pkgConfig: String? = nil, apt: String? = nil) -> Target {
    .systemLibrary(
        name: name, path: "Sources/Shims/\(name)", pkgConfig: pkgConfig, providers: apt.map { [.apt([$0])] })
}

/// The escape kernel compiled for one instruction set: one source, symbolic links to it in the other targets. Optimised in
/// debug builds too, and without cross-module optimisation: nothing compiled for a set may be taken into other modules.
func kernel(_ name: String, define: String? = nil, flags: [String] = []) -> Target {
    let flags = ["-O", "-Xfrontend", "-disable-cmo"] + flags.flatMap { ["-Xcc", $0] }
    return .target(
        name: name, path: "Sources/Work/\(name)",
        swiftSettings: strict + (define.map { [.define($0)] } ?? []) + [.unsafeFlags(flags)])
}

#if arch(x86_64)
    let kernels = [
        kernel("MandelbrotBaseline"),
        kernel("MandelbrotAVX2", flags: ["-mavx2", "-mfma"]),
        kernel(
            "MandelbrotAVX512", define: "MANDELBROT_AVX512",
            flags: ["-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512bw", "-mfma"]),
    ]
#else
    let kernels = [kernel("MandelbrotBaseline")]
#endif

/// Set by `make fuzz` alone: the program has its `main` from libFuzzer, and does not link without that.
let fuzzing = Context.environment["MUSTER_FUZZ"] == "1"

let package = Package(
    name: "muster",
    products: [
        .executable(name: "muster", targets: ["muster"]),
        .executable(name: "muster-sim", targets: ["MusterSim"]),
        .executable(name: "muster-bench", targets: ["MusterBench"]),
        .executable(name: "muster-bench-members", targets: ["MusterBenchMembers"]),
    ],
    targets: [
        program("muster", ["MusterCommands", "MusterCommandLine"], path: "Sources/muster"),
        room(
            "Commands", "MusterCommands",
            [
                "MusterRoleCommands", "MusterRun", "MusterClient", "MusterCommandLine", "MusterJoining", "MusterRole",
                "MusterHTTPClient", "MusterKernels", "MusterQR", "MusterAPI", "MusterWire", "MusterJSON",
                "MusterScheduling",
                "MusterElection", "MusterLaunchRules", "MusterCore", "RunRules", "MusterCrypto", "MusterSystem",
            ]),
        room(
            "Commands", "MusterRoleCommands",
            [
                "MusterClient", "MusterCommandLine", "MusterCoordinator", "MusterBackups", "MusterSpawning",
                "MusterJoining", "MusterWorker", "MusterChild", "MusterMember", "MusterEdge", "MusterOrigin",
                "MusterRole", "MusterContainers", "MusterHTTP", "MusterPostgres", "MusterStore", "MusterCache",
                "MusterKernels",
                "MusterRoutes", "MusterAPI", "MusterWire", "MusterScheduling", "MusterLaunchRules", "MusterMembership",
                "MusterElection", "HTTPCaching", "MusterCore", "MusterLog", "MusterSystem",
            ]),
        room(
            "Commands", "MusterRun",
            [
                "MusterClient", "MusterCommandLine", "MusterFileTransfer", "MusterHTTPClient", "MusterFileLists",
                "MusterAPI", "MusterWire", "MusterJSON", "MusterScheduling", "CommandTemplates", "RunRules",
                "TaskFiles", "MusterCore", "MusterCrypto", "MusterSystem",
            ]),
        room(
            "Commands", "MusterClient",
            [
                "MusterCommandLine", "MusterMember", "MusterRole", "MusterHTTPClient", "MusterRoutes", "MusterAPI",
                "MusterWire", "MusterJSON", "MusterMembership", "MusterElection", "MusterCore", "MusterCrypto",
                "MusterLog", "MusterSystem",
            ]),
        room(
            "Commands", "MusterCommandLine",
            [
                "MusterRole", "MusterLaunch", "MusterAPI", "MusterWire", "MusterJSON", "MusterCore",
                "MusterLog", "MusterSystem",
            ]),
        room(
            "Roles", "MusterCoordinator",
            [
                "MusterLiveOutput", "MusterVolunteers", "MusterWindow", "MusterServices", "MusterBackups",
                "MusterCallbacks",
                "MusterFeeds",
                "MusterPictures",
                "MusterSpawning", "MusterJoining", "MusterWorker", "MusterRole", "MusterHTTP", "MusterHTTPClient",
                "MusterWebSocket", "MusterPostgres", "MusterStore", "MusterKernels", "MusterRoutes", "MusterAPI",
                "MusterWire", "MusterJSON",
                "MusterFleetCore", "MusterScheduling", "MusterLaunchRules", "MusterMembership", "MusterElection",
                "MusterCore", "MusterCrypto", "MusterLog", "MusterSystem",
            ]),
        room(
            "Roles", "MusterLiveOutput",
            [
                "MusterServices", "MusterRole", "MusterHTTP", "MusterStore", "MusterRoutes", "MusterAPI", "MusterWire",
                "MusterFleetCore", "MusterScheduling", "MusterMembership", "MusterCore", "MusterSystem", "RunRules",
            ]),
        room(
            "Roles", "MusterVolunteers",
            [
                "MusterAPI", "MusterCore", "MusterCrypto", "MusterServices", "MusterFleetCore", "MusterHTTP",
                "MusterJSON",
                "MusterJoining", "MusterKernels", "MusterLog", "MusterMembership", "MusterRole", "MusterRoutes",
                "MusterScheduling", "MusterStore", "MusterSystem", "MusterWire", "MusterWorker",
            ]),
        room(
            "Roles", "MusterServices",
            [
                "MusterAPI", "MusterCore", "MusterFleetCore", "MusterHTTP", "MusterLog", "MusterMembership",
                "MusterRole",
                "MusterRoutes", "MusterScheduling", "MusterStore", "MusterSystem", "MusterWire",
            ]),
        room(
            "Roles", "MusterWindow",
            [
                "MusterServices", "MusterCallbacks", "MusterRole", "MusterHTTP", "MusterHTTPClient", "MusterQR",
                "MusterRoutes", "MusterAPI", "MusterWire", "MusterJSON", "MusterFleetCore", "MusterOverview",
                "MusterScheduling", "MusterMembership", "MusterElection", "MusterCore", "MusterCrypto", "MusterLog",
                "MusterSystem",
            ],
            embedded: [
                "index.html", "style.css", "icon.svg", "main.js", "fleet.js", "stream.js", "page.js", "table.js",
                "act.js", "overview.js", "warnings.js", "members.js", "jobs.js", "output.js", "children.js",
                "commands.js",
                "edges.js", "volunteers.js", "system.js",
                "explore.html", "explore.css", "explore.js", "plane.js", "sheets.js", "tiles.js", "makers.js",
                "save.js",
            ].map { "Pages/" + $0 }),
        room(
            "Roles", "MusterBackups",
            ["MusterRole", "MusterHTTP", "MusterStore", "MusterCrypto", "MusterSystem", "MusterWire"]),
        room(
            "Roles", "MusterCallbacks",
            ["MusterHTTPClient", "MusterWire", "MusterJSON", "MusterCore"]),
        room("Roles", "MusterFeeds", ["MusterHTTP", "MusterAPI", "MusterCore"]),
        room(
            "Roles", "MusterPictures",
            [
                "MusterHTTP", "MusterHTTPClient", "MusterKernels", "MusterScheduling", "MusterCore", "MusterSystem",
                "MusterWire",
            ]),
        room(
            "Roles", "MusterSpawning",
            [
                "MusterRole", "MusterContainers", "MusterExec", "MusterStore", "MusterNumbers", "MusterLaunch",
                "MusterAPI", "MusterWire", "MusterLaunchRules", "MusterCore", "MusterLog", "MusterSystem",
            ]),
        room(
            "Roles", "MusterJoining",
            [
                "MusterRole", "MusterContainers", "MusterHTTP", "MusterHTTPClient", "MusterKernels", "MusterAPI",
                "MusterWire", "MusterJSON", "MusterCore", "MusterCrypto", "MusterLog", "MusterSystem",
            ], embedded: ["install.sh", "Notices/LICENSE"]),
        room(
            "Roles", "MusterWorker",
            [
                "MusterCoordinatorLine", "MusterRole", "MusterContainers", "MusterExec", "MusterFileCache",
                "MusterFileTransfer",
                "MusterHTTPClient", "MusterKernels", "MusterFileLists", "MusterAPI", "MusterWire", "MusterJSON",
                "MusterScheduling", "MusterElection", "MusterCore", "TaskFiles", "MusterCrypto", "MusterLog",
                "MusterSystem",
            ]),
        room(
            "Roles", "MusterCoordinatorLine",
            [
                "MusterHTTPClient", "MusterAPI", "MusterWire", "MusterJSON", "MusterMembership", "MusterCore",
                "MusterLog", "MusterSystem",
            ]),
        room(
            "Roles", "MusterChild",
            [
                "MusterRole", "MusterHTTPClient", "MusterLaunch", "MusterKernels", "MusterAPI", "MusterWire",
                "MusterLaunchRules", "MusterCore", "MusterCrypto",
            ]),
        room(
            "Roles", "MusterMember",
            [
                "MusterCoordinatorLine", "MusterRole", "MusterHTTP", "MusterHTTPClient", "MusterAPI", "MusterWire",
                "MusterCore", "MusterCrypto",
            ]),
        room(
            "Roles", "MusterEdge",
            [
                "MusterEdgePeers", "MusterRole", "MusterHTTP", "MusterHTTPClient", "HTTPText", "MusterCache",
                "MusterRoutes", "MusterAPI", "MusterWire", "MusterElection", "HTTPCaching", "MusterCore",
                "MusterCrypto", "MusterLog", "MusterSystem",
            ]),
        room(
            "Roles", "MusterEdgePeers",
            [
                "MusterRole", "MusterHTTP", "MusterHTTPClient", "HTTPText", "MusterRoutes", "MusterAPI", "MusterWire",
                "MusterJSON", "MusterElection", "MusterCore", "MusterCrypto", "MusterLog", "MusterSystem",
            ]),
        room(
            "Roles", "MusterOrigin",
            [
                "MusterRole", "MusterHTTP", "MusterHTTPClient", "MusterKernels", "MusterRoutes", "MusterAPI",
                "MusterWire", "MusterJSON", "HTTPCaching", "MusterCore", "MusterCrypto", "MusterLog", "MusterSystem",
            ]),
        room(
            "Roles", "MusterRole",
            [
                "MusterHTTP", "MusterHTTPClient", "MusterWebSocket", "MusterRoutes", "MusterAPI", "MusterWire",
                "MusterJSON", "MusterScheduling", "HTTPCaching", "MusterCore", "MusterCrypto", "MusterLog",
                "MusterSystem",
            ]),
        room(
            "Ways", "MusterContainers",
            [
                "MusterHTTPClient", "MusterLaunch", "MusterKernels", "MusterAPI", "MusterWire", "MusterJSON",
                "MusterCore", "MusterLog", "MusterSystem",
            ]),
        room(
            "Ways", "MusterHTTP",
            [
                "HTTPText", "MusterAPI", "MusterWire", "MusterJSON", "MusterCore", "MusterLog", "MusterSystem",
                "CMicroHTTP",
            ]),
        room(
            "Ways", "MusterHTTPClient",
            [
                "MusterWebSocket", "HTTPText", "MusterJSON", "MusterCore", "MusterCrypto", "MusterLog", "MusterSystem",
                "CCurl",
            ]),
        room("Ways", "MusterWebSocket", ["MusterSystem", "CWslay"]),
        room("Ways", "HTTPText"),
        room(
            "Ways", "MusterStore",
            [
                "MusterLaunchRules", "MusterMembership", "MusterCore", "RunRules", "MusterSystem",
                "CSQLite",
            ]),
        room(
            "Ways", "MusterPostgres",
            [
                "MusterStore", "MusterScheduling", "MusterLaunchRules", "MusterMembership", "MusterCore", "RunRules",
                "MusterCrypto", "MusterLog", "CPostgres",
            ]),
        room("Ways", "MusterCache", ["HTTPCaching", "MusterCrypto", "MusterLog", "MusterSystem"]),
        room("Ways", "MusterFileCache", ["MusterAPI", "MusterCore", "MusterCrypto", "MusterSystem"]),
        room(
            "Ways", "MusterFileTransfer",
            [
                "MusterHTTPClient", "MusterFileLists", "MusterAPI", "MusterWire", "MusterCore", "TaskFiles",
                "MusterCrypto", "MusterSystem",
            ]),
        room("Ways", "MusterNumbers", ["MusterCore", "CRoaring"]),
        .target(
            name: "MusterQR", dependencies: ["CQRCode"], path: "Sources/Ways/MusterQR", swiftSettings: strict,
            // Into the file: it is small, and few machines have it.
            linkerSettings: [
                .unsafeFlags([
                    "-Xlinker", "-l:libqrcodegen.a", "-Xlinker", "--exclude-libs", "-Xlinker", "libqrcodegen.a",
                ])
            ]),
        room(
            "Ways", "MusterExec",
            ["MusterLaunch", "MusterKernels", "RunRules", "TaskFiles", "MusterCore", "MusterLog", "MusterSystem"]),
        room("Ways", "MusterLaunch", ["MusterSystem", "CSpawn"]),
        .target(
            name: "MusterKernels",
            dependencies: [
                "MusterFileLists", "MusterAPI", "MusterWire", "MusterJSON", "MusterCore",
                "CommandTemplates", "TaskFiles", "CZlib", "CProcessor",
            ]
                + kernels.map { .target(name: $0.name) },
            path: "Sources/Work/MusterKernels",
            swiftSettings: strict,
            // Into the file: every worker that gets this binary gets this compressor, whatever is installed there.
            linkerSettings: [
                .unsafeFlags(["-Xlinker", "-l:libz.a", "-Xlinker", "--exclude-libs", "-Xlinker", "libz.a"])
            ]),
        room(
            "API", "MusterRoutes",
            ["MusterAPI", "MusterWire", "MusterJSON", "MusterScheduling", "MusterElection", "MusterCore"]),
        room(
            "API", "MusterAPI",
            [
                "MusterWire", "MusterJSON", "MusterScheduling", "MusterLaunchRules", "MusterMembership",
                "MusterElection", "MusterOverview", "MusterCore", "RunRules",
            ]),
        room(
            "API", "MusterWire",
            ["MusterCore", "MusterJSON"]),
        room("API", "MusterFileLists", ["MusterAPI", "MusterWire", "MusterJSON", "TaskFiles"]),
        room("API", "MusterJSON", ["MusterCore"]),
        room("Core", "MusterFleetCore", ["MusterScheduling", "MusterLaunchRules", "MusterMembership", "MusterCore"]),
        room("Core", "MusterScheduling", ["MusterCore", "RunRules"]),
        room("Core", "MusterOverview", ["MusterCore"]),
        room("Core", "MusterLaunchRules", ["MusterCore"]),
        room("Core", "MusterMembership", ["MusterCore"]),
        room("Core", "MusterElection", ["MusterCore"]),
        room("Core", "TaskFiles"),
        room("Core", "CommandTemplates"),
        room("Core", "RunRules"),
        room("Core", "HTTPCaching"),
        room("Core", "MusterCore", ["RunRules"]),
        room("Ways", "MusterCrypto", ["CCrypto"]),
        room("Ways", "MusterLog"),
        room("Ways", "MusterSystem", ["MusterCore", "CSystem"]),
        shim("CMicroHTTP", "libmicrohttpd", apt: "libmicrohttpd-dev"),
        shim("CCurl", "libcurl", apt: "libcurl4-openssl-dev"),
        shim("CSQLite", "sqlite3", apt: "libsqlite3-dev"),
        shim("CPostgres", "libpq", apt: "libpq-dev"),
        shim("CCrypto", "libcrypto", apt: "libssl-dev"),
        shim("CSpawn"),
        shim("CZlib", apt: "zlib1g-dev"),
        shim("CProcessor"),
        shim("CSystem"),
        shim("CRoaring", apt: "libroaring-dev"),
        shim("CQRCode", apt: "libqrcodegen-dev"),
        shim("CWslay", apt: "libwslay-dev"),

        room(
            "Testing", "MusterTestKit",
            [
                "MusterHTTPClient", "MusterLaunch", "MusterRoutes", "MusterAPI", "MusterWire", "MusterJSON",
                "MusterScheduling", "MusterCore",
            ]),
        room(
            "Testing", "MusterSimulation",
            ["MusterFleetCore", "MusterScheduling", "MusterMembership", "MusterCore", "MusterTestKit"]),
        room(
            "Testing", "MusterScaleSimulation",
            [
                "MusterFleetCore", "MusterScheduling", "MusterLaunchRules", "MusterMembership", "MusterCore",
                "MusterSimulation",
            ]),
        room("Testing", "MusterEdgeSimulation", ["MusterElection", "MusterCore", "MusterSimulation"]),
        room(
            "Testing", "MusterServerKit",
            ["MusterHTTP", "MusterWebSocket", "HTTPText", "MusterAPI", "MusterWire", "MusterJSON", "MusterCrypto"]),
        program(
            "MusterSim", ["MusterSimulation", "MusterScaleSimulation", "MusterEdgeSimulation"],
            path: "Sources/Testing/MusterSim"),
        program(
            "MusterBench",
            [
                "MusterHTTPClient", "MusterStore", "MusterNumbers", "MusterLaunch", "MusterKernels", "MusterCore",
                "MusterSystem", "CMandelbrot", "MusterWire",
            ],
            path: "Benchmarks/MusterBench"),
        program("MusterBenchMembers", ["CEpoll", "MusterJSON"], path: "Benchmarks/MusterBenchMembers"),
        .systemLibrary(name: "CEpoll", path: "Benchmarks/CEpoll"),
        .target(
            name: "CMandelbrot", path: "Benchmarks/CMandelbrot",
            cSettings: [.unsafeFlags(["-O3", "-ffp-contract=off", "-Wall", "-Werror"])]),
        tests("RepositoryTests", ["MusterTestKit"]),
        tests("MusterCoreTests", ["MusterCore"]),
        tests("MusterSchedulingTests", ["MusterScheduling", "MusterCore", "RunRules", "MusterSimulation"]),
        tests("MusterLaunchRulesTests", ["MusterLaunchRules", "MusterCore", "MusterSimulation"]),
        tests("MusterOverviewTests", ["MusterOverview", "MusterCore"]),
        tests(
            "MusterWindowTests",
            ["MusterWindow", "MusterHTTP", "MusterAPI", "MusterWire", "MusterCore"]),
        tests("MusterMembershipTests", ["MusterMembership", "MusterCore", "MusterSimulation"]),
        tests(
            "MusterFleetCoreTests",
            [
                "MusterFleetCore", "MusterScheduling", "MusterLaunchRules", "MusterMembership", "MusterCore",
                "MusterSimulation",
            ]),
        tests("MusterElectionTests", ["MusterElection", "MusterCore", "MusterSimulation"]),
        tests("HTTPCachingTests", ["HTTPCaching"]),
        tests("TaskFilesTests", ["TaskFiles"]),
        tests(
            "MusterFileListsTests",
            ["MusterFileLists", "MusterAPI", "MusterWire", "MusterJSON", "TaskFiles", "MusterCrypto"]),
        tests("CommandTemplatesTests", ["CommandTemplates"]),
        tests("RunRulesTests", ["RunRules"]),
        tests(
            "MusterSimulationTests",
            ["MusterCore", "MusterSimulation", "MusterScaleSimulation", "MusterEdgeSimulation"]),
        tests(
            "MusterAPITests",
            [
                "MusterRoutes", "MusterAPI", "MusterWire", "MusterJSON", "MusterScheduling", "MusterElection",
                "MusterOverview", "MusterCore", "MusterTestKit", "MusterSimulation",
            ]),
        tests("MusterJSONTests", ["MusterJSON", "MusterCore"]),
        tests(
            "MusterHTTPTests",
            ["MusterHTTP", "MusterHTTPClient", "HTTPText", "MusterAPI", "MusterWire", "MusterJSON", "MusterServerKit"]),
        tests(
            "MusterHTTPClientTests",
            ["MusterHTTPClient", "MusterWebSocket", "MusterCrypto", "MusterJSON", "MusterServerKit"]),
        tests("MusterWebSocketTests", ["MusterWebSocket", "MusterServerKit"]),
        tests("HTTPTextTests", ["HTTPText"]),
        tests("MusterExecTests", ["MusterExec", "MusterLaunch", "MusterKernels", "MusterCore", "MusterSystem"]),
        tests("MusterLaunchTests", ["MusterLaunch"]),
        tests(
            "MusterContainersTests",
            [
                "MusterContainers", "MusterLaunch", "MusterKernels", "MusterWire", "MusterJSON", "MusterSystem",
                "MusterServerKit",
            ]),
        tests("MusterNumbersTests", ["MusterNumbers", "MusterCore"]),
        tests("MusterQRTests", ["MusterQR"]),
        tests(
            "MusterStoreTests",
            [
                "MusterPostgres", "MusterStore", "MusterScheduling", "MusterLaunchRules", "MusterMembership",
                "MusterCore", "RunRules", "MusterSystem", "MusterTestKit",
            ]),
        program(
            "FileCacheProbe", ["MusterFileCache", "MusterAPI", "MusterSystem"], path: "Sources/Testing/FileCacheProbe"),
        tests(
            "MusterFileCacheTests",
            ["MusterFileCache", "MusterAPI", "MusterCrypto", "MusterSystem", "MusterServerKit", "FileCacheProbe"]),
        tests("MusterFileTransferTests", ["MusterFileTransfer"]),
        tests("MusterCacheTests", ["MusterCache", "HTTPCaching", "MusterSystem", "MusterTestKit"]),
        program(
            "WebSocketEcho", ["MusterRole", "MusterHTTP", "MusterWebSocket", "MusterSystem"],
            path: "Sources/Testing/WebSocketEcho"),
        program("MandelbrotDigest", ["MusterKernels"], path: "Sources/Testing/MandelbrotDigest"),
        tests(
            "MusterKernelsTests",
            [
                "MusterKernels", "MusterFileLists", "MusterAPI", "MusterWire", "MusterJSON", "MusterCore", "TaskFiles",
            ]),
        tests(
            "MusterCoordinatorTests",
            [
                "MusterVolunteers", "MusterServices", "MusterCoordinator", "MusterBackups", "MusterCallbacks",
                "MusterFeeds", "MusterPictures", "MusterSpawning", "MusterJoining", "MusterWorker", "MusterRole",
                "MusterHTTP", "MusterHTTPClient", "MusterWebSocket", "MusterStore", "MusterKernels", "MusterRoutes",
                "MusterAPI",
                "MusterWire", "MusterJSON", "MusterFleetCore", "MusterScheduling", "MusterMembership", "HTTPCaching",
                "MusterCore", "MusterCrypto", "MusterLog", "MusterSystem", "MusterTestKit", "MusterServerKit",
            ]),
        tests(
            "MusterLiveOutputTests",
            [
                "MusterLiveOutput", "MusterServices", "MusterRole", "MusterHTTP", "MusterStore", "MusterKernels",
                "MusterRoutes", "MusterAPI", "MusterWire", "MusterFleetCore", "MusterScheduling", "MusterMembership",
                "MusterCore", "MusterCrypto", "MusterSystem",
            ]),
        tests(
            "MusterServicesTests",
            [
                "MusterCore", "MusterCrypto", "MusterFleetCore", "MusterHTTP", "MusterKernels", "MusterMembership",
                "MusterRole", "MusterRoutes", "MusterScheduling", "MusterServices", "MusterStore", "MusterWire",
            ]),
        tests(
            "MusterVolunteersTests",
            [
                "MusterAPI", "MusterCore", "MusterCrypto", "MusterFleetCore", "MusterHTTP", "MusterJoining",
                "MusterKernels", "MusterMembership", "MusterRole", "MusterRoutes", "MusterScheduling", "MusterServices",
                "MusterStore", "MusterSystem", "MusterVolunteers", "MusterWire",
            ]),
        tests(
            "MusterSpawningTests",
            [
                "MusterSpawning", "MusterContainers", "MusterAPI", "MusterJSON", "MusterScheduling", "MusterCore",
                "MusterServerKit",
            ]),
        tests(
            "MusterJoiningTests",
            [
                "MusterJoining", "MusterRole", "MusterAPI", "MusterWire", "MusterJSON", "MusterCore", "MusterCrypto",
                "MusterSystem", "MusterTestKit",
            ]),
        tests(
            "MusterWorkerTests",
            [
                "MusterWorker", "MusterKernels", "MusterFileLists", "MusterAPI", "MusterWire", "MusterJSON",
                "MusterScheduling", "MusterCore",
            ]),
        tests(
            "MusterCoordinatorLineTests",
            [
                "MusterCoordinatorLine", "MusterHTTP", "MusterHTTPClient", "MusterWebSocket", "MusterAPI", "MusterWire",
                "MusterScheduling", "MusterMembership", "MusterCore", "MusterServerKit",
            ]),
        tests("MusterChildTests", ["MusterChild", "MusterRole", "MusterServerKit"]),
        tests(
            "MusterMemberTests",
            [
                "MusterMember", "MusterRole", "MusterHTTP", "MusterWebSocket", "MusterAPI", "MusterWire", "MusterCore",
                "MusterServerKit",
            ]),
        tests(
            "MusterEdgeTests",
            [
                "MusterEdge", "MusterEdgePeers", "MusterOrigin", "MusterRole", "MusterHTTP", "MusterHTTPClient",
                "HTTPText", "MusterCache", "MusterRoutes", "MusterAPI", "MusterWire", "MusterJSON", "MusterElection",
                "HTTPCaching", "MusterCore", "MusterCrypto", "MusterSystem", "MusterTestKit", "MusterServerKit",
            ]),
        tests(
            "MusterEdgePeersTests",
            [
                "MusterEdgePeers", "MusterRole", "MusterHTTP", "MusterHTTPClient", "MusterAPI", "MusterWire",
                "MusterElection", "MusterCore", "MusterSystem", "MusterServerKit",
            ]),
        tests(
            "MusterOriginTests",
            [
                "MusterOrigin", "MusterRole", "MusterHTTP", "MusterHTTPClient", "MusterRoutes", "MusterAPI",
                "MusterWire", "MusterJSON", "HTTPCaching", "MusterCore", "MusterCrypto", "MusterSystem",
                "MusterTestKit", "MusterServerKit",
            ]),
        tests("MusterRoleTests", ["MusterRole", "MusterHTTP", "MusterHTTPClient"]),
        tests("MusterCryptoTests", ["MusterCrypto"]),
        tests("MusterSystemTests", ["MusterSystem"]),
        tests("MusterCommandsTests", ["MusterSystem"]),
        tests(
            "MusterRunTests",
            ["MusterRun", "MusterCommandLine", "MusterAPI", "MusterWire", "MusterScheduling", "MusterTestKit"]),
        tests(
            "MusterClientTests",
            [
                "MusterCommands", "MusterClient", "MusterCommandLine", "MusterQR", "MusterAPI", "MusterWire",
                "MusterJSON",
                "MusterTestKit",
            ]),
        tests(
            "MusterCommandLineTests",
            [
                "MusterCommands", "MusterCommandLine", "MusterAPI", "MusterWire", "MusterCore", "MusterSystem",
                "MusterTestKit",
            ]),
        tests(
            "MusterFleetTests",
            [
                "MusterHTTP", "MusterHTTPClient", "MusterLaunch", "MusterKernels", "MusterAPI", "MusterWire",
                "MusterJSON", "MusterScheduling", "MusterMembership", "MusterCore", "MusterCrypto", "MusterSystem",
                "MusterTestKit",
            ]),
        .target(
            name: "FuzzTargets",
            dependencies: [
                "MusterCommands", "MusterRun", "MusterClient", "MusterCommandLine", "MusterJoining", "MusterEdge",
                "MusterOrigin", "MusterCoordinatorLine", "MusterRole", "MusterContainers", "MusterHTTP",
                "MusterHTTPClient", "HTTPText", "MusterCache", "MusterNumbers", "MusterLaunch", "MusterKernels",
                "MusterFileLists", "MusterAPI",
                "MusterWire", "MusterJSON", "MusterScheduling", "MusterLaunchRules", "HTTPCaching", "CommandTemplates",
                "RunRules", "TaskFiles", "MusterCore", "MusterCrypto", "MusterSystem",
            ],
            path: "Fuzz/FuzzTargets", swiftSettings: strict),
        tests("FuzzTests", ["FuzzTargets"]),
    ] + kernels + (fuzzing ? [program("MusterFuzz", ["FuzzTargets"], path: "Fuzz/MusterFuzz")] : []),
    swiftLanguageModes: [.v6]
)
