package dev.lowrank.platform.console;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.dao.DataAccessResourceFailureException;
import org.springframework.http.HttpStatus;
import org.springframework.security.access.AccessDeniedException;
import org.springframework.stereotype.Controller;
import org.springframework.transaction.CannotCreateTransactionException;
import org.springframework.web.ErrorResponse;
import org.springframework.web.bind.annotation.ControllerAdvice;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.method.annotation.MethodArgumentTypeMismatchException;
import org.springframework.web.servlet.ModelAndView;

/** Says what went wrong on a page of its own. */
@Controller
@Order(Ordered.HIGHEST_PRECEDENCE)
@ControllerAdvice(basePackageClasses = ConsoleErrors.class)
class ConsoleErrors {
    private static final Logger LOG = LoggerFactory.getLogger(ConsoleErrors.class);

    @ExceptionHandler
    ModelAndView absent(NotFoundException error) {
        return page(HttpStatus.NOT_FOUND, "Not found", String.valueOf(error.getMessage()));
    }

    @ExceptionHandler
    ModelAndView notANumber(MethodArgumentTypeMismatchException error) {
        return page(HttpStatus.NOT_FOUND, "Not found", "There is nothing at this address.");
    }

    @ExceptionHandler({DataAccessResourceFailureException.class, CannotCreateTransactionException.class})
    ModelAndView databaseAway(Exception error) {
        LOG.warn("The database does not answer: {}", error.getMessage());
        return page(
                HttpStatus.SERVICE_UNAVAILABLE,
                "Database away",
                "The database does not answer. Training goes on; load this page again in a moment.");
    }

    @ExceptionHandler
    ModelAndView unexpected(Exception error) throws Exception {
        // Both have handlers of their own further out.
        if (error instanceof AccessDeniedException || error instanceof ErrorResponse) {
            throw error;
        }
        LOG.error("A page of the console failed", error);
        return page(HttpStatus.INTERNAL_SERVER_ERROR, "Error", "This page failed; the server's log says why.");
    }

    @RequestMapping("/console/refused")
    ModelAndView refused() {
        return page(
                HttpStatus.FORBIDDEN,
                "Not accepted",
                "This form was out of date or did not come from the console. Go back, load the page again, and repeat.");
    }

    /** Whatever no other page takes; the files have a handler of their own. */
    @RequestMapping("/console/{page:^(?!assets$).+}/**")
    ModelAndView nothingHere() {
        return page(HttpStatus.NOT_FOUND, "Not found", "There is nothing at this address.");
    }

    private static ModelAndView page(HttpStatus status, String title, String sentence) {
        ModelAndView page = new ModelAndView("console/message", status);
        page.addObject("title", title);
        page.addObject("sentence", sentence);
        return page;
    }
}
