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

    private Linter(Set<String> helpers) {
        this.helpers = helpers
    }

    static void check(String source) {
        SourceUnit unit = SourceUnit.create('Jenkinsfile', source)
        unit.parse()
        unit.completePhase()
        unit.nextPhase()
        unit.convert()
        ModuleNode module = unit.AST
        Linter linter = new Linter(module.methods*.name as Set)
        List<MethodCallExpression> pipelines = []
        module.statementBlock.statements.each { Statement statement ->
            Expression expression = statement instanceof ExpressionStatement ? statement.expression : null
            if (name(expression) == 'pipeline') {
                pipelines << (MethodCallExpression) expression
            } else if (!(expression instanceof DeclarationExpression)) {
                reject(statement, 'only declarations may stand beside the pipeline')
            }
        }
        if (pipelines.size() != 1) {
            throw new Rejected("one pipeline is wanted, not ${pipelines.size()}")
        }
        linter.block('pipeline', body(pipelines[0]) ?: reject(pipelines[0], 'pipeline wants a block'))
        module.methods.each { method -> linter.code(method.code) }
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

    /** Code may call steps and helpers; everything else that has no receiver is unknown. */
    private void code(Statement statement) {
        statement?.visit(new CodeVisitorSupport() {
            @Override
            void visitMethodCallExpression(MethodCallExpression call) {
                String named = name(call)
                boolean known = named == null || named in helpers || Grammar.STEPS.containsKey(named) ||
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
