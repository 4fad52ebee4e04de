package dev.lowrank.local;

import static com.tngtech.archunit.core.domain.JavaCall.Predicates.target;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.properties.HasOwner.Predicates.With.owner;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.springframework.context.annotation.Configuration;

/** The arrows between modules, and what none of them may do. Looks at the main classes of every module. */
class ArchitectureTest {
    private static final String KERNELS = "dev.lowrank.kernels..";
    private static final String ENGINE = "dev.lowrank.engine..";
    private static final String DB = "dev.lowrank.db..";
    private static final String NODE = "dev.lowrank.node..";
    private static final String PLATFORM = "dev.lowrank.platform..";
    private static final String LOCAL = "dev.lowrank.local..";
    private static final String[] SQL = {"java.sql..", "org.springframework.jdbc..", "org.postgresql.."};
    private static final List<Module> MODULES = List.of(Module.values());

    private static JavaClasses classes;

    @BeforeAll
    static void readMainClasses() {
        Installation installation =
                new Installation(Path.of("..").toAbsolutePath().normalize());
        classes = new ClassFileImporter()
                .importPaths(MODULES.stream()
                        .map(module -> Path.of(installation.classes(module)))
                        .filter(Files::isDirectory)
                        .toList());
    }

    @TestFactory
    Stream<DynamicTest> moduleKnowsOnlyWhatItsArrowsAllow() {
        return Stream.of(
                arrow(KERNELS, ENGINE, DB, NODE, PLATFORM, LOCAL),
                arrow(ENGINE, DB, NODE, PLATFORM, LOCAL),
                arrow(DB, KERNELS, ENGINE, NODE, PLATFORM, LOCAL),
                arrow(NODE, PLATFORM, LOCAL),
                arrow(PLATFORM, KERNELS, NODE, LOCAL),
                arrow(LOCAL, KERNELS, ENGINE, DB, NODE, PLATFORM));
    }

    private static DynamicTest arrow(String from, String... forbidden) {
        return DynamicTest.dynamicTest(
                from,
                () -> noClasses()
                        .that()
                        .resideInAPackage(from)
                        .should()
                        .dependOnClassesThat()
                        .resideInAnyPackage(forbidden)
                        .allowEmptyShould(true)
                        .check(classes));
    }

    @Test
    void kernelsAndEngineKnowNoSpringAndNoSql() {
        noClasses()
                .that()
                .resideInAnyPackage(KERNELS, ENGINE)
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("org.springframework..", "java.sql..", "javax.sql..", "org.postgresql..")
                .check(classes);
    }

    /** A configuration may hand the database's access over; it may not use it. */
    @Test
    void onlyTheDatabaseModuleSpeaksSql() {
        noClasses()
                .that()
                .resideOutsideOfPackage(DB)
                .and()
                .areNotAnnotatedWith(Configuration.class)
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(SQL)
                .check(classes);
        noClasses()
                .that()
                .resideOutsideOfPackage(DB)
                .should()
                .callMethodWhere(target(owner(resideInAnyPackage(SQL))))
                .check(classes);
    }

    @Test
    void apiNeverTouchesADevice() {
        noClasses()
                .that()
                .resideInAPackage(PLATFORM)
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        KERNELS, "org.bytedeco..", "dev.lowrank.engine.train..", "dev.lowrank.engine.tape..")
                .check(classes);
    }

    @Test
    void nothingReadsSerializedObjects() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .haveFullyQualifiedName("java.io.ObjectInputStream")
                .check(classes);
    }

    @Test
    void nothingCallsAShell() {
        noClasses().should().callMethod(Runtime.class, "exec", String.class).check(classes);
        noClasses().should().callMethod(Runtime.class, "exec", String[].class).check(classes);
    }

    /** A shell would be an argument of a process; the constant has to be somewhere in the class file. */
    @Test
    void noClassNamesAShell() throws Exception {
        Installation installation =
                new Installation(Path.of("..").toAbsolutePath().normalize());
        for (Module module : MODULES) {
            Path folder = Path.of(installation.classes(module));
            if (Files.isDirectory(folder)) {
                try (Stream<Path> files = Files.walk(folder)) {
                    for (Path file : files.filter(name -> name.toString().endsWith(".class"))
                            .toList()) {
                        org.assertj.core.api.Assertions.assertThat(shellsNamedIn(file))
                                .as(file.toString())
                                .isEmpty();
                    }
                }
            }
        }
    }

    private static List<String> shellsNamedIn(Path classFile) throws java.io.IOException {
        List<String> shells = List.of("sh", "bash", "/bin/sh", "/bin/bash", "cmd.exe");
        List<String> found = new java.util.ArrayList<>();
        for (var entry : java.lang.classfile.ClassFile.of().parse(classFile).constantPool()) {
            if (entry instanceof java.lang.classfile.constantpool.StringEntry string
                    && shells.contains(string.stringValue())) {
                found.add(string.stringValue());
            }
        }
        return found;
    }
}
