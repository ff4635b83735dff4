// swift-tools-version: 6.2
// Targets from top to bottom; arrows point down only. ARCHITECTURE.md says what each room holds.
import PackageDescription

let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func program(_ name: String, _ dependencies: [Target.Dependency], path: String? = nil) -> Target {
    .executableTarget(name: name, dependencies: dependencies, path: path, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

func shim(_ name: String, _ pkgConfig: String, apt: String) -> Target {
    .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([apt])])
}

let package = Package(
    name: "muster",
    products: [
        .executable(name: "muster", targets: ["muster"]),
        .executable(name: "muster-sim", targets: ["MusterSim"]),
        .executable(name: "muster-bench", targets: ["MusterBench"]),
    ],
    targets: [
        program("muster", ["MusterCommands"]),
        room("MusterCommands", ["MusterNode", "MusterHTTP", "MusterStore", "MusterAPI", "MusterCore", "MusterLog"]),
        room(
            "MusterNode",
            [
                "MusterHTTP", "MusterStore", "MusterKernels", "MusterAPI", "MusterCore", "MusterCrypto", "MusterSystem",
                "MusterLog",
            ]),
        room("MusterHTTP", ["MusterAPI", "MusterSystem", "MusterLog", "CMicroHTTP", "CCurl"]),
        room("MusterStore", ["MusterCore", "MusterSystem", "CSQLite"]),
        room("MusterLaunch", ["MusterSystem", "CSpawn"]),
        room("MusterKernels", ["MusterAPI", "MusterCore"]),
        room("MusterAPI", ["MusterCore"]),
        room("MusterCore"),
        room("MusterCrypto", ["CCrypto"]),
        room("MusterLog"),
        room("MusterSystem", ["MusterCore"]),
        shim("CMicroHTTP", "libmicrohttpd", apt: "libmicrohttpd-dev"),
        shim("CCurl", "libcurl", apt: "libcurl4-openssl-dev"),
        shim("CSQLite", "sqlite3", apt: "libsqlite3-dev"),
        shim("CCrypto", "libcrypto", apt: "libssl-dev"),
        .systemLibrary(name: "CSpawn"),

        room("MusterTestKit", ["MusterAPI", "MusterCore", "MusterHTTP", "MusterLaunch"]),
        program("MusterSim", ["MusterTestKit", "MusterCore"]),
        program(
            "MusterBench", ["MusterAPI", "MusterCore", "MusterHTTP", "MusterLaunch", "MusterStore"],
            path: "Benchmarks/MusterBench"),
        tests("RepositoryTests", []),
        tests("MusterCoreTests", ["MusterCore", "MusterTestKit"]),
        tests("MusterAPITests", ["MusterAPI", "MusterCore"]),
        tests("MusterHTTPTests", ["MusterHTTP", "MusterAPI"]),
        tests("MusterLaunchTests", ["MusterLaunch"]),
        tests("MusterStoreTests", ["MusterStore", "MusterCore"]),
        tests("MusterKernelsTests", ["MusterKernels", "MusterAPI", "MusterCore"]),
        tests(
            "MusterNodeTests",
            ["MusterNode", "MusterHTTP", "MusterStore", "MusterAPI", "MusterCore", "MusterLog", "MusterTestKit"]),
        tests("MusterCommandsTests", ["MusterCommands", "MusterAPI", "MusterCore"]),
        tests("MusterFleetTests", ["MusterTestKit", "MusterHTTP", "MusterAPI", "MusterCore"]),
    ],
    swiftLanguageModes: [.v6]
)
