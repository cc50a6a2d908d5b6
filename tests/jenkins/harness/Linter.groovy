import org.codehaus.groovy.ast.CodeVisitorSupport
import org.codehaus.groovy.ast.ModuleNode
import org.codehaus.groovy.ast.expr.BinaryExpression
import org.codehaus.groovy.ast.expr.ClosureExpression
import org.codehaus.groovy.ast.expr.ConstantExpression
import org.codehaus.groovy.ast.expr.DeclarationExpression
import org.codehaus.groovy.ast.expr.Expression
import org.codehaus.groovy.ast.expr.MapExpression
import org.codehaus.groovy.ast.expr.MethodCallExpression
import org.codehaus.groovy.ast.expr.TupleExpression
import org.codehaus.groovy.ast.expr.VariableExpression
import org.codehaus.groovy.ast.stmt.ExpressionStatement
import org.codehaus.groovy.ast.stmt.Statement
import org.codehaus.groovy.control.SourceUnit

/**
 * Checks the whole Jenkinsfile before anything runs, stages that this build skips included: directives stand where they
 * may, blocks hold directives and no code, steps and their arguments are known. As Jenkins does, on the syntax tree.
 */
class Linter {
    private final Set<String> helpers
    /** Whether names that are not known may be those of a library, which is loaded while the build runs. */
    private final boolean loads

    private Linter(Set<String> helpers, boolean loads = false) {
        this.helpers = helpers
        this.loads = loads
    }

    /** A Jenkinsfile: one pipeline, or calls of a library that has one. */
    static void check(String source) {
        ModuleNode module = parse('Jenkinsfile', source)
        List<Statement> statements = module.statementBlock.statements
        boolean loads = statements.any { name(expression(it)) == 'library' }
        Linter linter = new Linter(module.methods*.name as Set, loads)
        List<MethodCallExpression> pipelines = []
        List<Statement> others = []
        statements.each { Statement statement ->
            if (name(expression(statement)) == 'pipeline') {
                pipelines << (MethodCallExpression) expression(statement)
            } else {
                others << statement
            }
        }
        if (pipelines.size() > 1 || (!pipelines && !loads)) {
            throw new Rejected("one pipeline is wanted, not ${pipelines.size()}")
        }
        Statement beside = others.find { !(expression(it) instanceof DeclarationExpression || name(expression(it)) == 'library') }
        if (pipelines && beside) {
            reject(beside, 'only declarations may stand beside the pipeline')
        }
        pipelines.each { linter.block('pipeline', body(it) ?: reject(it, 'pipeline wants a block')) }
        (others + module.methods*.code).each { linter.code(it) }
    }

    /**
     * A file in `vars` of a library. Jenkins turns what stands in the first method `call` into a pipeline, and nothing else.
     *
     * @param variables the names of all files in `vars`
     */
    static void checkVariable(String source, String file, Set<String> variables) {
        ModuleNode module = parse(file, source)
        Linter linter = new Linter((module.methods*.name as Set) + variables)
        module.statementBlock.statements.each { Statement statement ->
            if (!(expression(statement) instanceof DeclarationExpression)) {
                reject(statement, "${file} does something where it stands: only methods and fields are wanted")
            }
        }
        Object first = module.methods.find { it.name == 'call' }
        module.methods.each { method -> linter.code(method.code, method.is(first)) }
    }

    private static ModuleNode parse(String name, String source) {
        SourceUnit unit = SourceUnit.create(name, source)
        unit.parse()
        unit.completePhase()
        unit.nextPhase()
        unit.convert()
        return unit.AST
    }

    private static Expression expression(Statement statement) {
        return statement instanceof ExpressionStatement ? statement.expression : null
    }

    private void block(String kind, ClosureExpression closure) {
        if (kind == 'code') {
            code(closure.code)
        } else if (kind == 'environment') {
            closure.code.statements.each { variable(it) }
        } else {
            List<String> names = closure.code.statements.collect { entry(kind, it) }
            held(kind, names, closure)
        }
    }

    private void variable(Statement statement) {
        Expression assigned = statement instanceof ExpressionStatement ? statement.expression : null
        boolean right = assigned instanceof BinaryExpression && assigned.operation.text == '=' &&
            assigned.leftExpression instanceof VariableExpression
        if (!right) {
            reject(statement, 'environment holds NAME = value and nothing else')
        }
    }

    /** One statement of a block, which must be a call of something that may stand there. */
    private String entry(String kind, Statement statement) {
        Expression call = statement instanceof ExpressionStatement ? statement.expression : null
        String named = name(call)
        if (named == null) {
            reject(statement, "code in ${kind}; it belongs in a script step or below the pipeline")
        }
        if (kind == 'steps') {
            step((MethodCallExpression) call)
            return named
        }
        Map<String, String> known = Grammar.BLOCKS[kind]
        if (!known.containsKey(named)) {
            reject(call, "${named} may not stand in ${kind}; allowed: ${known.keySet().join(', ')}")
        }
        ClosureExpression inner = body(call)
        if (known[named] != null && inner != null) {
            block(known[named], inner)
        } else if (known[named] != null && !(named == 'agent' && arguments(call)*.text == ['none'])) {
            reject(call, "${named} wants a block")
        } else if (known[named] == null) {
            code(new ExpressionStatement(((MethodCallExpression) call).arguments))
            checkArguments(call)
        }
        return named
    }

    private void held(String kind, List<String> names, ClosureExpression closure) {
        List<String> twice = names.findAll { kind != 'steps' && !(it in Grammar.REPEATABLE) && names.count(it) > 1 }
        if (twice) {
            reject(closure, "${twice[0]} stands twice in ${kind}")
        }
        List<String> missing = (Grammar.REQUIRED[kind] ?: []) - names
        if (missing) {
            reject(closure, "${kind} lacks ${missing.join(', ')}")
        }
        List<String> one = Grammar.ONE_OF[kind]
        if (one && names.count { it in one } != 1) {
            reject(closure, "${kind} wants exactly one of ${one.join(', ')}")
        }
        if (kind == 'steps' && !names) {
            reject(closure, 'steps are empty')
        }
    }

    private void step(MethodCallExpression call) {
        String named = name(call)
        if (named in helpers) {
            code(new ExpressionStatement(call.arguments))
            return
        }
        if (loads && !Grammar.STEPS.containsKey(named)) {
            code(new ExpressionStatement(call))
            return
        }
        if (!Grammar.STEPS.containsKey(named)) {
            reject(call, "${named} is not a step that is known; known: ${Grammar.STEPS.keySet().join(', ')}")
        }
        ClosureExpression inner = body(call)
        if ((Grammar.STEPS[named] != null) != (inner != null)) {
            reject(call, "${named} ${inner ? 'takes no' : 'wants a'} block")
        }
        if (inner != null) {
            block(Grammar.STEPS[named], inner)
        }
        checkArguments(call)
    }

    /**
     * Code may call steps and helpers; everything else that has no receiver is unknown.
     *
     * @param mayHold whether a pipeline may stand in it, though in no closure
     */
    private void code(Statement statement, boolean mayHold = false) {
        statement?.visit(new CodeVisitorSupport() {
            private int closures = 0

            @Override
            void visitClosureExpression(ClosureExpression closure) {
                closures++
                super.visitClosureExpression(closure)
                closures--
            }

            @Override
            void visitMethodCallExpression(MethodCallExpression call) {
                String named = name(call)
                if (named == 'pipeline' && !(named in helpers)) {
                    if (!mayHold || closures > 0) {
                        reject(call, 'a pipeline may stand at the top of a Jenkinsfile or of the first method call in vars')
                    }
                    block('pipeline', body(call) ?: reject(call, 'pipeline wants a block'))
                    return
                }
                boolean known = loads || named == null || named in helpers || Grammar.STEPS.containsKey(named) ||
                    Grammar.ARGUMENTS.containsKey(named)
                if (!known) {
                    reject(call, "${named} is not a step that is known; known: ${Grammar.STEPS.keySet().join(', ')}")
                }
                if (named != null && !(named in helpers)) {
                    checkArguments(call)
                }
                super.visitMethodCallExpression(call)
            }
        })
    }

    /** Named arguments must be known, and those required be there; a single value stands for the first of them. */
    private static void checkArguments(MethodCallExpression call) {
        Map<String, List<String>> rule = Grammar.ARGUMENTS[name(call)]
        MapExpression map = (MapExpression) arguments(call).find { it instanceof MapExpression }
        if (rule == null || (map == null && arguments(call))) {
            return
        }
        List<String> given = (map?.mapEntryExpressions ?: []).collect { it.keyExpression.text }
        List<String> unknown = given - (rule.all ?: [])
        List<String> missing = (rule.required ?: []) - given
        if (unknown || missing) {
            reject(call, "${name(call)}: " + (unknown ? "unknown argument ${unknown[0]}" : "lacks ${missing[0]}"))
        }
    }

    /** Name of a call without receiver, e.g. `sh` of `sh 'make'`; null for anything else. */
    private static String name(Expression expression) {
        boolean plain = expression instanceof MethodCallExpression && expression.implicitThis &&
            expression.method instanceof ConstantExpression
        return plain ? expression.methodAsString : null
    }

    private static List<Expression> arguments(MethodCallExpression call) {
        List<Expression> all = call.arguments instanceof TupleExpression ? call.arguments.expressions : [call.arguments]
        return all.findAll { !(it instanceof ClosureExpression) }
    }

    private static ClosureExpression body(MethodCallExpression call) {
        List<Expression> all = call.arguments instanceof TupleExpression ? call.arguments.expressions : [call.arguments]
        return (ClosureExpression) all.find { it instanceof ClosureExpression }
    }

    private static reject(node, String message) {
        throw new Rejected("line ${node.lineNumber}: ${message}")
    }
}
