// swift-tools-version: 6.2
// Targets from top to bottom; arrows point down only. ARCHITECTURE.md says what each room holds.
import PackageDescription

let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func room(_ name: String, _ dependencies: [Target.Dependency] = [], embedded: [String] = []) -> Target {
    .target(
        name: name, dependencies: dependencies, resources: embedded.map { .embedInCode($0) }, swiftSettings: strict)
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

/// The escape kernel compiled for one instruction set: one source, symbolic links to it in the other targets. Optimised in
/// debug builds too, and without cross-module optimisation: nothing compiled for a set may be taken into other modules.
func kernel(_ name: String, define: String? = nil, flags: [String] = []) -> Target {
    let flags = ["-O", "-Xfrontend", "-disable-cmo"] + flags.flatMap { ["-Xcc", $0] }
    return .target(
        name: name, swiftSettings: strict + (define.map { [.define($0)] } ?? []) + [.unsafeFlags(flags)])
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
        program("muster", ["MusterCommands"]),
        room(
            "MusterCommands",
            [
                "MusterNode", "MusterContainers", "MusterHTTP", "MusterStore", "MusterLaunch", "MusterKernels",
                "MusterAPI", "MusterCore", "MusterCrypto", "MusterLog", "MusterSystem",
            ]),
        room(
            "MusterNode",
            [
                "MusterContainers", "MusterHTTP", "MusterStore", "MusterCache", "MusterNumbers", "MusterLaunch",
                "MusterKernels", "MusterAPI", "MusterCore", "MusterCrypto", "MusterSystem", "MusterLog",
            ], embedded: ["Volunteers/install.sh", "Notices/LICENSE"]),
        room(
            "MusterContainers",
            ["MusterHTTP", "MusterLaunch", "MusterKernels", "MusterAPI", "MusterCore", "MusterSystem", "MusterLog"]),
        room("MusterHTTP", ["MusterAPI", "MusterCore", "MusterSystem", "MusterLog", "CMicroHTTP", "CCurl"]),
        room("MusterStore", ["MusterCore", "MusterSystem", "CSQLite"]),
        room("MusterCache", ["MusterCore", "MusterCrypto", "MusterSystem", "MusterLog"]),
        room("MusterNumbers", ["MusterCore", "CRoaring"]),
        room("MusterLaunch", ["MusterSystem", "CSpawn"]),
        .target(
            name: "MusterKernels",
            dependencies: ["MusterAPI", "MusterCore", "CZlib", "CProcessor"]
                + kernels.map { .target(name: $0.name) },
            swiftSettings: strict,
            // Into the file: every worker that gets this binary gets this compressor, whatever is installed there.
            linkerSettings: [
                .unsafeFlags(["-Xlinker", "-l:libz.a", "-Xlinker", "--exclude-libs", "-Xlinker", "libz.a"])
            ]),
        room("MusterAPI", ["MusterCore"]),
        room("MusterCore"),
        room("MusterCrypto", ["CCrypto"]),
        room("MusterLog"),
        room("MusterSystem", ["MusterCore", "CSystem"]),
        shim("CMicroHTTP", "libmicrohttpd", apt: "libmicrohttpd-dev"),
        shim("CCurl", "libcurl", apt: "libcurl4-openssl-dev"),
        shim("CSQLite", "sqlite3", apt: "libsqlite3-dev"),
        shim("CCrypto", "libcrypto", apt: "libssl-dev"),
        .systemLibrary(name: "CSpawn"),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CProcessor"),
        .systemLibrary(name: "CSystem"),
        .systemLibrary(name: "CRoaring", providers: [.apt(["libroaring-dev"])]),

        room("MusterTestKit", ["MusterAPI", "MusterCore", "MusterHTTP", "MusterLaunch"]),
        program("MusterSim", ["MusterTestKit", "MusterCore"]),
        program(
            "MusterBench",
            [
                "MusterAPI", "MusterCore", "MusterHTTP", "MusterKernels", "MusterLaunch", "MusterNumbers",
                "MusterStore", "MusterSystem",
                "CMandelbrot",
            ],
            path: "Benchmarks/MusterBench"),
        program("MusterBenchMembers", ["CEpoll"], path: "Benchmarks/MusterBenchMembers"),
        .systemLibrary(name: "CEpoll", path: "Benchmarks/CEpoll"),
        .target(
            name: "CMandelbrot", path: "Benchmarks/CMandelbrot",
            cSettings: [.unsafeFlags(["-O3", "-ffp-contract=off", "-Wall", "-Werror"])]),
        tests("RepositoryTests", ["MusterTestKit"]),
        tests("MusterCoreTests", ["MusterCore", "MusterTestKit"]),
        tests("MusterAPITests", ["MusterAPI", "MusterCore"]),
        tests("MusterHTTPTests", ["MusterHTTP", "MusterAPI"]),
        tests("MusterLaunchTests", ["MusterLaunch"]),
        tests("MusterContainersTests", ["MusterContainers", "MusterLaunch", "MusterAPI", "MusterSystem"]),
        tests("MusterNumbersTests", ["MusterNumbers", "MusterCore"]),
        tests("MusterStoreTests", ["MusterStore", "MusterCore"]),
        tests("MusterCacheTests", ["MusterCache", "MusterCore", "MusterSystem", "MusterTestKit"]),
        program("MandelbrotDigest", ["MusterKernels"]),
        tests("MusterKernelsTests", ["MusterKernels", "MusterAPI", "MusterCore", "MandelbrotDigest"]),
        tests(
            "MusterNodeTests",
            [
                "MusterNode", "MusterContainers", "MusterHTTP", "MusterStore", "MusterCache", "MusterAPI", "MusterCore",
                "MusterCrypto", "MusterLog", "MusterSystem", "MusterTestKit",
            ]),
        tests("MusterCommandsTests", ["MusterCommands", "MusterAPI", "MusterCore", "MusterSystem"]),
        tests(
            "MusterFleetTests",
            ["MusterTestKit", "MusterHTTP", "MusterKernels", "MusterLaunch", "MusterAPI", "MusterCore", "MusterSystem"]),
    ] + kernels,
    swiftLanguageModes: [.v6]
)
