/// The label of workers that have a container engine.
package enum ContainerEngineLabel {
    package static let key = "engine"
    package static let value = "docker"
}
