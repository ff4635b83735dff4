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

let package = Package(
    name: "muster",
    products: [
        .executable(name: "muster", targets: ["muster"]),
        .executable(name: "muster-sim", targets: ["MusterSim"]),
        .executable(name: "muster-bench", targets: ["MusterBench"]),
        .executable(name: "muster-bench-members", targets: ["MusterBenchMembers"]),
    ],
    targets: [
        program("muster", ["MusterCommands"], path: "Sources/muster"),
        room(
            "Commands", "MusterCommands",
            [
                "MusterCoordinator", "MusterSpawning", "MusterJoining", "MusterWorker", "MusterChild", "MusterMember",
                "MusterEdge", "MusterOrigin", "MusterRole", "MusterContainers", "MusterHTTP", "MusterStore",
                "MusterCache", "MusterLaunch", "MusterKernels", "MusterAPI", "MusterScheduling", "MusterMembership",
                "MusterElection", "HTTPCaching",
                "MusterCore", "MusterCrypto", "MusterLog", "MusterSystem",
            ]),
        room(
            "Roles", "MusterCoordinator",
            [
                "MusterSpawning", "MusterJoining", "MusterWorker", "MusterRole", "MusterHTTP",
                "MusterStore", "MusterNumbers", "MusterLaunch", "MusterKernels", "MusterAPI", "MusterFleetCore",
                "MusterScheduling", "MusterMembership", "MusterElection", "MusterCore", "MusterCrypto", "MusterSystem",
                "MusterLog",
            ]),
        room(
            "Roles", "MusterSpawning",
            [
                "MusterRole", "MusterContainers", "MusterStore", "MusterNumbers", "MusterLaunch", "MusterAPI",
                "MusterScheduling", "MusterCore", "MusterSystem", "MusterLog",
            ]),
        room(
            "Roles", "MusterJoining",
            [
                "MusterRole", "MusterContainers", "MusterHTTP", "MusterKernels", "MusterAPI", "MusterCore",
                "MusterCrypto", "MusterSystem", "MusterLog",
            ], embedded: ["install.sh", "Notices/LICENSE"]),
        room(
            "Roles", "MusterWorker",
            [
                "MusterRole", "MusterContainers", "MusterHTTP", "MusterKernels", "MusterAPI", "MusterScheduling",
                "MusterCore", "MusterCrypto", "MusterSystem", "MusterLog",
            ]),
        room(
            "Roles", "MusterChild",
            [
                "MusterRole", "MusterHTTP", "MusterLaunch", "MusterKernels", "MusterAPI", "MusterScheduling",
                "MusterCore", "MusterCrypto",
            ]),
        room(
            "Roles", "MusterMember",
            ["MusterRole", "MusterHTTP", "MusterAPI", "MusterScheduling", "MusterCore", "MusterCrypto"]),
        room(
            "Roles", "MusterEdge",
            [
                "MusterRole", "MusterHTTP", "MusterCache", "MusterAPI", "MusterScheduling", "MusterElection",
                "HTTPCaching", "MusterCore", "MusterCrypto", "MusterSystem", "MusterLog",
            ]),
        room(
            "Roles", "MusterOrigin",
            [
                "MusterRole", "MusterHTTP", "MusterKernels", "MusterAPI", "HTTPCaching", "MusterCrypto", "MusterSystem",
                "MusterLog",
            ]),
        room(
            "Roles", "MusterRole",
            [
                "MusterHTTP", "MusterAPI", "MusterScheduling", "HTTPCaching", "MusterCore", "MusterCrypto",
                "MusterSystem", "MusterLog",
            ]),
        room(
            "Ways", "MusterContainers",
            [
                "MusterHTTP", "MusterLaunch", "MusterKernels", "MusterAPI", "MusterScheduling", "MusterCore",
                "MusterLog", "MusterSystem",
            ]),
        room("Ways", "MusterHTTP", ["MusterAPI", "MusterCore", "MusterLog", "MusterSystem", "CMicroHTTP", "CCurl"]),
        room("Ways", "MusterStore", ["MusterScheduling", "MusterMembership", "MusterCore", "MusterSystem", "CSQLite"]),
        room("Ways", "MusterCache", ["HTTPCaching", "MusterCrypto", "MusterLog", "MusterSystem"]),
        room("Ways", "MusterNumbers", ["MusterCore", "CRoaring"]),
        room("Ways", "MusterLaunch", ["MusterSystem", "CSpawn"]),
        .target(
            name: "MusterKernels",
            dependencies: ["MusterAPI", "MusterScheduling", "MusterCore", "CZlib", "CProcessor"]
                + kernels.map { .target(name: $0.name) },
            path: "Sources/Work/MusterKernels",
            swiftSettings: strict,
            // Into the file: every worker that gets this binary gets this compressor, whatever is installed there.
            linkerSettings: [
                .unsafeFlags(["-Xlinker", "-l:libz.a", "-Xlinker", "--exclude-libs", "-Xlinker", "libz.a"])
            ]),
        room("API", "MusterAPI", ["MusterScheduling", "MusterMembership", "MusterElection", "MusterCore"]),
        room("Core", "MusterFleetCore", ["MusterScheduling", "MusterMembership", "MusterCore"]),
        room("Core", "MusterScheduling", ["MusterCore"]),
        room("Core", "MusterMembership", ["MusterCore"]),
        room("Core", "MusterElection", ["MusterCore"]),
        room("Core", "HTTPCaching"),
        room("Core", "MusterCore"),
        room("Ways", "MusterCrypto", ["CCrypto"]),
        room("Ways", "MusterLog"),
        room("Ways", "MusterSystem", ["MusterCore", "CSystem"]),
        shim("CMicroHTTP", "libmicrohttpd", apt: "libmicrohttpd-dev"),
        shim("CCurl", "libcurl", apt: "libcurl4-openssl-dev"),
        shim("CSQLite", "sqlite3", apt: "libsqlite3-dev"),
        shim("CCrypto", "libcrypto", apt: "libssl-dev"),
        shim("CSpawn"),
        shim("CZlib", apt: "zlib1g-dev"),
        shim("CProcessor"),
        shim("CSystem"),
        shim("CRoaring", apt: "libroaring-dev"),

        room(
            "Testing", "MusterTestKit",
            [
                "MusterHTTP", "MusterLaunch", "MusterAPI", "MusterFleetCore", "MusterScheduling", "MusterMembership",
                "MusterElection", "MusterCore",
            ]),
        room("Testing", "MusterServerKit", ["MusterHTTP", "MusterAPI"]),
        program("MusterSim", ["MusterTestKit"], path: "Sources/Testing/MusterSim"),
        program(
            "MusterBench",
            [
                "MusterHTTP", "MusterStore", "MusterNumbers", "MusterLaunch", "MusterKernels", "MusterAPI",
                "MusterCore", "MusterSystem", "CMandelbrot",
            ],
            path: "Benchmarks/MusterBench"),
        program("MusterBenchMembers", ["CEpoll"], path: "Benchmarks/MusterBenchMembers"),
        .systemLibrary(name: "CEpoll", path: "Benchmarks/CEpoll"),
        .target(
            name: "CMandelbrot", path: "Benchmarks/CMandelbrot",
            cSettings: [.unsafeFlags(["-O3", "-ffp-contract=off", "-Wall", "-Werror"])]),
        tests("RepositoryTests", ["MusterTestKit"]),
        tests("MusterCoreTests", ["MusterCore"]),
        tests("MusterSchedulingTests", ["MusterScheduling", "MusterCore", "MusterTestKit"]),
        tests("MusterMembershipTests", ["MusterMembership", "MusterCore", "MusterTestKit"]),
        tests(
            "MusterFleetCoreTests",
            ["MusterFleetCore", "MusterScheduling", "MusterMembership", "MusterCore", "MusterTestKit"]),
        tests("MusterElectionTests", ["MusterElection", "MusterCore", "MusterTestKit"]),
        tests("HTTPCachingTests", ["HTTPCaching"]),
        tests("MusterSimulationTests", ["MusterCore", "MusterTestKit"]),
        tests("MusterAPITests", ["MusterAPI", "MusterScheduling", "MusterElection", "MusterCore"]),
        tests("MusterHTTPTests", ["MusterHTTP", "MusterAPI"]),
        tests("MusterLaunchTests", ["MusterLaunch"]),
        tests("MusterContainersTests", ["MusterContainers", "MusterLaunch", "MusterAPI", "MusterSystem"]),
        tests("MusterNumbersTests", ["MusterNumbers", "MusterCore"]),
        tests("MusterStoreTests", ["MusterStore", "MusterScheduling", "MusterMembership", "MusterCore"]),
        tests("MusterCacheTests", ["MusterCache", "HTTPCaching", "MusterSystem", "MusterTestKit"]),
        program("MandelbrotDigest", ["MusterKernels"], path: "Sources/Testing/MandelbrotDigest"),
        tests("MusterKernelsTests", ["MusterKernels", "MusterAPI", "MusterCore", "MandelbrotDigest"]),
        tests(
            "MusterCoordinatorTests",
            [
                "MusterCoordinator", "MusterJoining", "MusterRole", "MusterHTTP", "MusterAPI", "MusterScheduling",
                "MusterMembership", "HTTPCaching", "MusterCore", "MusterCrypto", "MusterLog", "MusterTestKit",
                "MusterServerKit",
            ]),
        tests("MusterSpawningTests", ["MusterSpawning", "MusterContainers", "MusterAPI"]),
        tests(
            "MusterJoiningTests",
            ["MusterJoining", "MusterRole", "MusterAPI", "MusterCore", "MusterCrypto", "MusterSystem", "MusterTestKit"]),
        tests("MusterWorkerTests", ["MusterWorker", "MusterAPI", "MusterScheduling", "MusterCore", "MusterKernels"]),
        tests("MusterChildTests", ["MusterChild", "MusterRole", "MusterServerKit"]),
        tests("MusterMemberTests", ["MusterMember", "MusterRole", "MusterAPI", "MusterServerKit"]),
        tests(
            "MusterEdgeTests",
            [
                "MusterEdge", "MusterOrigin", "MusterRole", "MusterHTTP", "MusterCache", "MusterAPI", "MusterElection",
                "HTTPCaching", "MusterSystem", "MusterTestKit", "MusterServerKit",
            ]),
        tests(
            "MusterOriginTests",
            ["MusterOrigin", "MusterRole", "MusterHTTP", "MusterAPI", "HTTPCaching", "MusterSystem", "MusterServerKit"]),
        tests("MusterRoleTests", ["MusterRole", "MusterHTTP"]),
        tests("MusterSystemTests", ["MusterSystem"]),
        tests("MusterCommandsTests", ["MusterCommands", "MusterAPI", "MusterCore", "MusterSystem"]),
        tests(
            "MusterFleetTests",
            [
                "MusterHTTP", "MusterLaunch", "MusterKernels", "MusterAPI", "MusterScheduling", "MusterMembership",
                "MusterCore", "MusterSystem", "MusterTestKit",
            ]),
    ] + kernels,
    swiftLanguageModes: [.v6]
)
